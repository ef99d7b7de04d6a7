"""`avouch config check`: what serve would stumble over is told before."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import pytest

from avouch import BINARY, run


@pytest.fixture
def path(authority):
    return authority.configure()


def change(path, **settings):
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def refused(path, *words):
    """By both; the words are those of `config check`."""
    assert run("serve", "--config", path, timeout=20).returncode == 1
    result = run("config", "check", path)
    assert result.returncode == 1
    for word in words:
        assert word in result.stderr, result.stderr


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_one_key_under_two_spellings(path):
    own = json.loads(path.read_text())["issuers"][0]
    keys = ["pkcs11:token=a;object=b?module-path=/x.so", "PKCS11:object=%62;token=a?module-path=/x.so"]
    change(path, issuers=[{**own, "signer": {**own["signer"], "key": keys}}])
    refused(path, "signer.key: key 'b' in token 'a' of /x.so is given twice")


def test_two_issuers_of_one_authority(path):
    own = json.loads(path.read_text())["issuers"][0]
    change(path, issuers=[own, {**own, "name": "twin"}])
    refused(path, "'twin'", "'interop'", "same name and key")


def test_addresses_that_exclude_each_other(path):
    port = free_port()
    for listen, control, words in (
            ([f"127.0.0.1:{port}", f"localhost:{port}"], "unix:control", ["listen[1]", "listen[0]"]),
            ([f"0.0.0.0:{port}", f"127.0.0.1:{port}"], "unix:control", ["listen[1]", "listen[0]"]),
            ([f"127.0.0.1:{port}"], f"127.0.0.1:{port}", ["control", "listen[0]"]),
            (["unix:one"], "unix:one", ["control", "listen[0]"])):
        change(path, listen=listen, control=control)
        refused(path, "avouch.json5", *words)
    change(path, listen=[f"0.0.0.0:{port}", f"[::]:{port}"], control="unix:control")
    assert run("config", "check", path).returncode == 0


def test_folders_that_are_missing(path):
    change(path, store="missing/avouch.sqlite")
    refused(path, "store", "missing", "No such file")
    change(path, store="avouch.sqlite", control="unix:missing/control")
    refused(path, "control", "missing", "No such file")


def test_a_folder_that_cannot_be_written(authority):
    """As another user: root may write everywhere."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    authority.configure()
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "ca"
        shutil.copytree(authority.folder, copy)
        pathlib.Path(folder).chmod(0o755)
        for one in [copy, *copy.iterdir()]:
            one.chmod(0o755)
        program = shutil.copy(BINARY, pathlib.Path(folder) / "avouch")
        result = subprocess.run([program, "config", "check", copy / "avouch.json5"], capture_output=True, text=True,
                                user="nobody", group="nogroup", extra_groups=[], cwd="/", timeout=60, check=False)
        assert result.returncode == 1 and "store" in result.stderr and "Permission denied" in result.stderr


def test_a_control_address_for_everybody(path):
    for control in ("0.0.0.0:0", "[::]:0", ":0"):
        change(path, control=control)
        result = run("config", "check", path)
        assert result.returncode == 0 and "warning" in result.stderr and "other machines" in result.stderr
    for control in ("127.0.0.1:0", "[::1]:0", "unix:control"):
        change(path, control=control)
        assert run("config", "check", path).stderr == ""


@pytest.mark.parametrize("mode, is_told", [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_keys_that_others_may_read(authority, mode, is_told):
    authority.path("responder.key").chmod(mode)
    result = run("config", "check", authority.configure())
    assert result.returncode == 0
    assert ("responder.key" in result.stderr and f"{mode:o}" in result.stderr) == is_told


@pytest.mark.parametrize("settings, words", [
    (dict(listen=["127.0.0.1:0", 7]), ["listen: 7 at [1]"]), (dict(listen=["127.0.0.1:0", ""]), ["listen: '' at [1]"]),
    (dict(listen=[]), ["listen", "empty"]), (dict(issuers=[]), ["issuers", "empty"])])
def test_a_bad_element_is_named(path, settings, words):
    change(path, **settings)
    refused(path, *words)


def test_a_hash_that_there_is_not(authority):
    refused(authority.configure(presign=["sha1", "md5"]), "issuers[0].presign: 'md5' at [1]")
