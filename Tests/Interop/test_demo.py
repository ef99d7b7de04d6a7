"""`avouch demo` and the folder it is given: nothing that somebody else made is lost in it."""
import signal

import pytest

import avouch
from authority import Authority
from avouch import run


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def start(folder, *words):
    return avouch.Server("demo", "--dir", folder, *words)


def test_a_real_authority_is_left_alone(tmp_path):
    authority = Authority(tmp_path / "ca")
    authority.record(authority.issue("good.example"))
    authority.path("index.txt").write_text("".join(authority.rows))
    before = contents(authority.folder)
    result = run("demo", "--dir", authority.folder, "--port", "0", timeout=20)
    assert result.returncode == 1 and "not empty" in result.stderr and str(authority.folder) in result.stderr
    assert contents(authority.folder) == before


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "ca.key"])
def test_any_file_keeps_a_folder_from_the_demo(tmp_path, name):
    (tmp_path / name).write_text("mine")
    assert run("demo", "--dir", tmp_path, "--port", "0", timeout=20).returncode == 1
    assert contents(tmp_path) == {name: b"mine"}


def test_an_empty_folder_is_taken(tmp_path):
    with start(tmp_path, "--port", "0") as server:
        assert server.url


def test_keys_are_never_made_again(tmp_path):
    folder = tmp_path / "demo"
    with start(folder, "--port", "0") as server:
        assert server.stop(signal.SIGINT) == 0
    keys = {name: (folder / name).read_bytes() for name in ("ca.key", "responder.key")}
    # Cut off before it was done: what is missing is made, with the keys that are there.
    for name in ("index.txt", "ca.pem", "responder.pem", "good.pem", "avouch.sqlite"):
        (folder / name).unlink()
    with start(folder, "--port", "0") as server:
        assert server.url
    assert keys == {name: (folder / name).read_bytes() for name in keys}
    # With an index somebody may rely on what is there: nothing is made again behind their back.
    (folder / "ca.key").unlink()
    result = run("demo", "--dir", folder, "--port", "0", timeout=20)
    assert result.returncode == 1 and "ca.key" in result.stderr and not (folder / "ca.key").exists()


def test_a_second_demo_in_the_same_folder_changes_nothing_of_the_first(tmp_path):
    folder = tmp_path / "demo"
    with start(folder, "--port", "0") as server:
        held = (folder / "avouch.json5").read_text()
        result = run("demo", "--dir", folder, "--port", "8099", timeout=20)
        assert result.returncode == 1 and "is running already" in result.stderr
        assert (folder / "avouch.json5").read_text() == held
        assert server.stop(signal.SIGINT) == 0


def test_an_edited_configuration_stays(tmp_path):
    folder = tmp_path / "demo"
    with start(folder, "--port", "0") as server:
        assert server.stop(signal.SIGINT) == 0
    path = folder / "avouch.json5"
    # As the demo wrote it: another port is put in.
    path.write_text(path.read_text().replace("127.0.0.1:0", "127.0.0.1:1"))
    with start(folder, "--port", "0") as server:
        assert server.stop(signal.SIGINT) == 0
    assert "127.0.0.1:0" in path.read_text()
    edited = path.read_text().replace('unissued: "unknown"', 'unissued: "unauthorized"')
    path.write_text(edited)
    for words in ([], ["--port", "0"]):
        with start(folder, *words) as server:
            assert "as it has been edited" in "".join(server.output)
            assert server.stop(signal.SIGINT) == 0
        assert path.read_text() == edited
    result = run("demo", "--dir", folder, "--port", "8099", timeout=20)
    assert result.returncode == 1 and "edited" in result.stderr and "8099" in result.stderr
    assert path.read_text() == edited
