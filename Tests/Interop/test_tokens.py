"""What becomes of tokens that go and come back, PIN files that are late or open to others, and calls that hang."""
import os
import subprocess

import pytest

import avouch
from avouch import run
from test_hsm import TRY_LATER, faulty, readiness, scene

__all__ = ["faulty", "scene"]


def test_a_softhsm_token_that_was_moved_away_is_found_again(scene, tmp_path):
    """SoftHSM never finds it again by itself: its library is taken down and up, ten seconds after its last success."""
    scene.configure()
    scene.authority.import_index()
    with scene.serve() as server:
        os.rename(tmp_path / "tokens", tmp_path / "away")
        avouch.ask_until(lambda: scene.ask(server, nonce=b"n" * 16), lambda answer: answer.body == TRY_LATER)
        os.rename(tmp_path / "away", tmp_path / "tokens")
        avouch.ask_until(lambda: scene.ask(server, nonce=b"n" * 16), lambda answer: answer.body != TRY_LATER)
        assert scene.verified(scene.ask(server, nonce=b"n" * 16), nonce=b"n" * 16) == "GOOD"
        assert server.stop() == 0


def test_a_pin_file_that_comes_late_is_read_without_a_signal(scene, tmp_path):
    os.rename(tmp_path / "pin", tmp_path / "later")
    scene.configure()
    scene.authority.import_index()
    server = subprocess.Popen(
        [avouch.BINARY, "serve", "--config", scene.authority.path("avouch.json5")], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=scene.environment)
    try:
        assert server.stdout.readline().startswith("serving")
        avouch.wait_until(lambda: any("No such file" in one for one in readiness(scene)["warnings"]))
        os.rename(tmp_path / "later", tmp_path / "pin")
        assert server.stdout.readline().startswith("ready")
    finally:
        server.kill()
        server.communicate(timeout=avouch.PATIENCE)


def test_a_pin_that_others_may_read_is_warned_of(scene, tmp_path):
    os.chmod(tmp_path / "pin", 0o640)
    done = scene.check()
    assert done.returncode == 0 and f"{tmp_path}/pin: its mode is 640" in done.stderr
    os.chmod(tmp_path / "pin", 0o600)
    assert "mode" not in scene.check().stderr


@pytest.mark.parametrize("call", [
    "C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_Login", "C_FindObjects", "C_SignInit",
    "C_Sign",
])
def test_commands_do_not_wait_for_ever(faulty, call):
    config = faulty.configure(signing={"callDeadline": "1s"})
    faulty.obey(f"{call} hang")
    checked = run("config", "check", config, env=faulty.environment, timeout=20)
    tested = faulty.token.keys("test", "--timeout", "1", "--seconds", "1", faulty.uri(), timeout=20)
    for done in [checked, tested]:
        assert done.returncode == 1
        assert "token 'ocsp'" in done.stderr and "no answer within" in done.stderr and call in done.stderr
