"""The benchmark that stands servers side by side works and leaves nothing behind. Its figures do not matter here."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

import avouch

SCRIPT = avouch.ROOT / "Benchmarks" / "side-by-side"
COMMAND = [SCRIPT, "--quick", "--parts", "serving", "--only", "avouch,floor", "--connections", "4"]


@pytest.fixture(autouse=True, scope="module")
def means():
    """What the script needs and a machine may lack."""
    if not {0, 1} <= os.sched_getaffinity(0):
        pytest.skip("the server and the load need a processor each")
    if avouch.run("load", "--help").returncode != 0 and not (shutil.which("wrk") and shutil.which("ab")):
        pytest.skip("the build has no load command, and neither wrk nor ab is there")


def environment(folder):
    return {**os.environ, "AVOUCH": avouch.BINARY, "TMPDIR": str(folder)}


def those_in(folder):
    """Processes that were started with something of the folder."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            pass  # it has ended meanwhile
    return found


@pytest.fixture(autouse=True)
def nothing_runs_on(tmp_path):
    """Where a test fails, what it is about may still be there."""
    yield
    for number in those_in(tmp_path):
        os.kill(number, signal.SIGKILL)


def test_the_record_has_every_cell_of_both_servers(tmp_path):
    work, record = tmp_path / "work", tmp_path / "record" / "bench"
    work.mkdir()
    done = subprocess.run([*COMMAND, "--record", record], env=environment(work), capture_output=True, text=True,
                          timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text, table = (record.with_name("bench." + kind).read_text() for kind in ("json", "md"))
    found = json.loads(text)
    assert found["format"] == "avouch-benchmarks-1" and found["quick"] is True
    assert set(found) >= {"date", "commit", "machine", "serving", "rows"}
    assert set(found["machine"]) == {"processors", "model", "memory_mebibytes", "kernel", "system"}
    cells = {(cell["method"], cell["connection"]): cell["servers"] for cell in found["serving"]["cells"]}
    assert set(cells) == {(method, kind) for method in ("get", "post") for kind in ("keep-alive", "close")}
    for servers in cells.values():
        assert [server["name"] for server in servers] == ["avouch", "floor"]
        for server in servers:
            assert server["failures"] == 0, server
            assert server["requests"] > 0 and server["limit"] in ("client", "server", "neither")
            assert len(server["rounds"]) == 1
            for name in ("server_us", "client_us", "per_second", "p50_ms", "p99_ms", "ratio"):
                assert 0 < server[name]["min"] <= server[name]["median"] <= server[name]["max"], (name, server)
        assert servers[1]["ratio"]["median"] == 1
        assert servers[0]["bound"] >= 1
    assert table.count("| avouch |") == 4 and table.count("| floor |") == 4
    assert "Its figures mean nothing" in table
    for private in (socket.gethostname(), str(tmp_path), str(avouch.ROOT)):
        assert private not in text + table
    assert not list(work.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_nothing_is_left_where_it_is_ended(tmp_path, number):
    script = subprocess.Popen(COMMAND, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
    try:
        assert script.stdout.readline() == "GET, keep-alive:\n"
        assert those_in(tmp_path), "servers run by now"
        script.send_signal(number)
        said = script.communicate(timeout=avouch.PATIENCE)
    finally:
        script.kill()
        script.wait()
    assert script.returncode != 0, said
    assert not list(tmp_path.iterdir())
    avouch.wait_until(lambda: not those_in(tmp_path))


def test_its_servers_end_where_it_is_killed(tmp_path):
    script = subprocess.Popen(COMMAND, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True)
    try:
        assert script.stdout.readline() == "GET, keep-alive:\n"
        assert those_in(tmp_path)
    finally:
        script.kill()
        script.wait()
    avouch.wait_until(lambda: not those_in(tmp_path))


@pytest.mark.parametrize("words, said", [
    (["--only", "apache"], "'apache' is not one of avouch, floor, nginx, openssl, cfssl"),
    (["--only", "floor"], "--only needs avouch"),
    (["--parts", "serving,lunch"], "'lunch' is not one of serving, presign"),
])
def test_what_it_does_not_know_is_said(words, said):
    done = subprocess.run([SCRIPT, *words], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert said in done.stderr
