"""Real clients: openssl, GnuTLS, Java."""
import os
import pathlib
import shutil
import subprocess

import pytest
from cryptography import x509

from authority import DAY, NOW, Authority
from conftest import pem

JAVA_SOURCE = pathlib.Path(__file__).parent / "java" / "RevocationCheck.java"


def openssl(demo, *arguments):
    result = subprocess.run(
        ["openssl", "ocsp", "-issuer", pem(demo.folder, "ca"), "-CAfile", pem(demo.folder, "ca"), "-url", demo.url,
         *arguments], capture_output=True, text=True, timeout=30)
    return result.stdout + result.stderr


@pytest.mark.parametrize("nonce", [[], ["-no_nonce"]], ids=["nonce", "no-nonce"])
@pytest.mark.parametrize("digest", ["-sha1", "-sha256", "-sha384", "-sha512"])
@pytest.mark.parametrize("name, expected", [
    ("good", "good"), ("revoked-keyCompromise", "keyCompromise"), ("revoked-certificateHold", "certificateHold"),
    ("revoked-superseded", "superseded"), ("unknown", "unknown")])
def test_openssl(demo, name, expected, digest, nonce):
    output = openssl(demo, digest, "-cert", pem(demo.folder, name), *nonce)
    assert "Response verify OK" in output
    assert expected in output
    assert "WARNING: no nonce" not in output


def test_openssl_two_certificates_at_once(demo):
    output = openssl(demo, "-cert", pem(demo.folder, "good"), "-cert", pem(demo.folder, "revoked-keyCompromise"))
    assert "Response verify OK" in output
    assert "good.pem: good" in output and "revoked-keyCompromise.pem: revoked" in output


def test_openssl_two_hashes_at_once(demo):
    output = openssl(demo, "-sha1", "-cert", pem(demo.folder, "good"), "-sha256", "-cert", pem(demo.folder, "good-2"))
    assert "Response verify OK" in output and output.count(": good") == 2


def test_openssl_signed_request(demo):
    output = openssl(demo, "-cert", pem(demo.folder, "good"), "-signer", pem(demo.folder, "responder"),
                     "-signkey", str(demo.folder / "responder.key"))
    assert "Response verify OK" in output and "good.pem: good" in output


def test_openssl_unknown_issuer_is_unauthorized(demo, tmp_path):
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "other.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", certificate, "-subj", "/CN=Somebody Else"], check=True, capture_output=True)
    result = subprocess.run(["openssl", "ocsp", "-issuer", certificate, "-serial", "1", "-url", demo.url],
                            capture_output=True, text=True)
    assert "unauthorized (6)" in result.stdout + result.stderr


def ocsptool(folder, url, name, *words):
    """GnuTLS asks, verifies with the CA's certificate as its only trust, and looks for the nonce where it sent one."""
    result = subprocess.run(
        ["ocsptool", f"--ask={url}", f"--load-cert={pem(folder, name)}", f"--load-issuer={pem(folder, 'ca')}",
         f"--load-trust={pem(folder, 'ca')}", *words], capture_output=True, text=True, timeout=30)
    output = result.stdout + result.stderr
    assert result.returncode == 0 and "Verifying OCSP Response: Success" in output, output
    return output


@pytest.mark.parametrize("nonce", [["--nonce"], []], ids=["nonce", "no-nonce"])
@pytest.mark.parametrize("name, expected", [
    ("good", "good"), ("revoked-keyCompromise", "revoked"), ("unknown", "unknown")])
def test_ocsptool(demo, name, expected, nonce):
    assert f"Certificate Status: {expected}" in ocsptool(demo.folder, demo.url, name, *nonce)


@pytest.fixture(scope="module", params=[
    (kind, is_delegated) for kind in ("p256", "p384", "rsa2048") for is_delegated in (True, False)],
    ids=lambda one: f"{one[0]}-{'delegate' if one[1] else 'authority'}")
def signed(request, tmp_path_factory):
    """A CA with a key of that kind, whose answers its delegate signs, or it itself."""
    kind, is_delegated = request.param
    authority = Authority(tmp_path_factory.mktemp("signed") / "ca", kind, is_delegated)
    authority.record(authority.issue("good"))
    authority.record(authority.issue("revoked"), NOW - DAY, "superseded")
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        authority.url = server.url
        yield authority


@pytest.mark.parametrize("nonce", [["--nonce"], []], ids=["nonce", "no-nonce"])
@pytest.mark.parametrize("name", ["good", "revoked"])
def test_ocsptool_with_either_signer(signed, name, nonce):
    output = ocsptool(signed.folder, signed.url, name, *nonce)
    assert f"Certificate Status: {name}" in output
    signer = signed.responder if signed.is_delegated else signed.certificate
    key = x509.SubjectKeyIdentifier.from_public_key(signer.public_key()).digest
    assert f"Responder Key ID: {key.hex()}" in output


@pytest.fixture(scope="module")
def java_classes(tmp_path_factory):
    assert shutil.which("javac"), "openjdk-17-jdk-headless is missing"
    folder = tmp_path_factory.mktemp("java")
    subprocess.run(["javac", "-d", str(folder), str(JAVA_SOURCE)], check=True, timeout=120)
    return folder


@pytest.mark.parametrize("nonce", ["false", "true"])
@pytest.mark.parametrize("use_get", ["true", "false"], ids=["GET", "POST"])
def test_java(demo, java_classes, use_get, nonce):
    """One virtual machine asks about several certificates: it starts slowly."""
    names = ["good", "good-2", "revoked-keyCompromise", "unknown"]
    result = subprocess.run(
        ["java", f"-Dcom.sun.security.ocsp.useget={use_get}", f"-Djdk.security.certpath.ocspNonce={nonce}",
         "-cp", str(java_classes), "RevocationCheck", demo.url, pem(demo.folder, "ca"),
         *[pem(demo.folder, name) for name in names]],
        capture_output=True, text=True, timeout=120, env={**os.environ, "JAVA_TOOL_OPTIONS": ""})
    lines = [line for line in result.stdout.splitlines() if line]
    assert lines[0] == "good.pem GOOD" and lines[1] == "good-2.pem GOOD", result.stdout + result.stderr
    assert lines[2] == "revoked-keyCompromise.pem REVOKED KEY_COMPROMISE"
    assert lines[3] == "unknown.pem UNDETERMINED_REVOCATION_STATUS"
