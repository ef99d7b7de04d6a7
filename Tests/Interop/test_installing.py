"""What the README and docs/operations.md tell somebody with a CA of his own to do."""
import os
import shutil
import subprocess
import textwrap

import pytest

import avouch
from avouch import ROOT, run


def test_the_readme_issues_a_responder_certificate_without_a_flaw(authority):
    text = (ROOT / "README.md").read_text().split(": responder certificate -->")[1]
    script = textwrap.dedent(text.split("```sh\n")[1].split("```")[0])
    subprocess.run(["bash", "-euc", script], cwd=authority.folder, check=True, capture_output=True, timeout=60)
    path = authority.configure(signer={"certificate": "ocsp.pem", "key": "ocsp.key"})
    result = run("config", "check", path)
    assert (result.returncode, result.stderr) == (0, "")
    # The README's own configuration, as it stands there save for the addresses.
    own = (ROOT / "README.md").read_text().split("```json5\n")[1].split("```")[0]
    path.write_text(own)
    result = run("config", "check", path)
    assert (result.returncode, result.stderr) == (0, "")


def install(folder, **variables):
    settings = {"DESTDIR": folder, "RELEASE_BINARY": avouch.BINARY, **variables}
    return subprocess.run(["make", "install", *[f"{name}={value}" for name, value in settings.items()]], cwd=ROOT,
                          capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("prefix", ["/usr/local", "/opt/avouch"])
def test_make_install(tmp_path, prefix):
    result = install(tmp_path, PREFIX=prefix)
    assert result.returncode == 0, result.stderr
    there = tmp_path / prefix[1:]
    program = there / "bin" / "avouch"
    assert os.access(program, os.X_OK)
    assert subprocess.run([program, "--version"], check=True, capture_output=True).stdout.startswith(b"avouch ")
    unit = (there / "lib/systemd/system/avouch.service").read_text()
    assert f"ExecStart={prefix}/bin/avouch serve --config /etc/avouch/avouch.json5\n" in unit
    assert f"{prefix}/share/doc/avouch/operations.md" in unit
    assert (there / "share/doc/avouch/operations.md").exists()


def test_make_install_builds_nothing(tmp_path):
    result = install(tmp_path, RELEASE_BINARY=tmp_path / "missing")
    assert result.returncode != 0 and "make build" in result.stderr and not list(tmp_path.iterdir())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_takes_the_unit(tmp_path):
    unit = tmp_path / "avouch.service"
    unit.write_text((ROOT / "packaging/avouch.service").read_text().replace("/usr/local/bin/avouch", avouch.BINARY))
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True,
                            timeout=60, check=False)
    assert str(unit.name) not in result.stderr, result.stderr
