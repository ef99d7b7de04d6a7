"""`avouch keys` with a SoftHSM token, with OpenSC and OpenSSL as witnesses."""
import os
import subprocess

import pytest

from avouch import run

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "271828"


class Token:
    """A SoftHSM token in a folder of its own."""

    def __init__(self, folder):
        (folder / "tokens").mkdir()
        (folder / "conf").write_text(
            f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        (folder / "pin").write_text(PIN + "\n")
        self.folder = folder
        self.environment = {**os.environ, "SOFTHSM2_CONF": str(folder / "conf"), "TOKEN_PIN": PIN}
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "ocsp", "--pin", PIN, "--so-pin",
                        "31415926"], check=True, capture_output=True, env=self.environment)

    def uri(self, key=None, pin=None, token="ocsp"):
        pin = pin or f"file:{self.folder}/pin"
        return f"pkcs11:token={token}{f';object={key}' if key else ''}?module-path={MODULE}&pin-source={pin}"

    def keys(self, *arguments, **options):
        done = run("keys", *arguments, env=self.environment, **options)
        # Whatever happens: no PIN in what people read.
        assert PIN not in done.stdout + done.stderr
        return done

    def opensc(self, *arguments):
        return subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", "ocsp", "--login", "--pin", PIN,
                               *arguments], check=True, capture_output=True, text=True, env=self.environment).stdout


@pytest.fixture
def token(tmp_path):
    return Token(tmp_path)


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "RSA-2048", "Ed25519"])
def test_a_key_is_made_listed_requested_for_and_tried(token, kind):
    made = token.keys("generate", "--kind", kind, token.uri("responder"))
    assert made.returncode == 0, made.stderr
    assert "never extractable" in made.stdout
    assert "never extractable" in token.opensc("--list-objects", "--type", "privkey")
    listed = token.keys("list", token.uri(pin="env:TOKEN_PIN")).stdout
    assert "'responder'" in listed
    attributes = listed.split("in a URI: ")[1].strip()
    assert attributes.startswith("object=responder;id=%")
    pasted = token.uri().replace("token=ocsp", f"token=ocsp;{attributes}")
    assert "'responder'" in token.keys("list", pasted).stdout
    digits = attributes.split("id=")[1].replace("%", "")
    assert attributes in token.keys("list", token.uri().replace("token=ocsp", f"token=ocsp;id={digits}")).stdout
    request = token.keys("csr", "--subject", r"CN=OCSP 1,O=Example\, Inc.", token.uri("responder"))
    assert request.returncode == 0, request.stderr
    text = subprocess.run(["openssl", "req", "-verify", "-noout", "-text"], input=request.stdout, check=True,
                          capture_output=True, text=True).stdout
    for line in ['Subject: O = "Example, Inc.", CN = OCSP 1', "X509v3 Key Usage: critical", "Digital Signature",
                 "OCSP Signing", "OCSP No Check", "Subject Key Identifier"]:
        assert line in text
    tried = token.keys("test", "--seconds", "1", "--threads", "2", token.uri("responder"))
    assert tried.returncode == 0, tried.stderr
    assert "signatures a second with 2 threads" in tried.stdout


def test_pss_and_other_digests(token):
    token.keys("generate", "--kind", "RSA-2048", token.uri("rsa"))
    request = token.keys("csr", "--pss", "--digest", "sha384", "--subject", "CN=a", "--out",
                         str(token.folder / "a.csr"), token.uri("rsa"))
    assert request.returncode == 0, request.stderr
    text = subprocess.run(["openssl", "req", "-verify", "-noout", "-text", "-in", token.folder / "a.csr"], check=True,
                          capture_output=True, text=True).stdout
    assert "rsassaPss" in text and "sha384" in text


def test_a_request_is_written_over_no_file(token, tmp_path):
    token.keys("generate", "--kind", "P-256", token.uri("key"))
    (tmp_path / "a.csr").write_text("precious")
    words = ["csr", "--subject", "CN=a", "--out", str(tmp_path / "a.csr"), token.uri("key")]
    refused = token.keys(*words)
    assert refused.returncode == 1 and "--force" in refused.stderr
    assert (tmp_path / "a.csr").read_text() == "precious"
    assert token.keys(*words, "--force").returncode == 0
    assert "BEGIN CERTIFICATE REQUEST" in (tmp_path / "a.csr").read_text()


def test_mistakes_are_named(token, tmp_path):
    token.keys("generate", "--kind", "P-256", token.uri("there"))
    wrong = tmp_path / "wrong"
    wrong.write_text("999999\n")
    text = tmp_path / "text.so"
    text.write_text("no module")
    for words, code, expected in [
        (["generate", "--kind", "P-256", token.uri("there")], 1, "already"),
        (["test", token.uri("elsewhere")], 1, "'there'"),
        (["list", token.uri(token="gone")], 1, "'ocsp'"),
        (["list", token.uri(pin=f"file:{wrong}")], 1, "CKR_PIN_INCORRECT"),
        (["list", token.uri(pin="env:NOT_SET")], 1, "NOT_SET"),
        (["list", f"pkcs11:token=ocsp?module-path={text}"], 1, "text.so"),
        (["list", f"pkcs11:token=ocsp?module-path={MODULE}&pin-value={PIN}"], 2, "pin-value is refused"),
        (["list", f" PKCS11:token=ocsp?module-path={MODULE}&pin-value={PIN}"], 2, "pin-value is refused"),
        (["list", f"pkcs11:token=ocsp?module-path={MODULE};pin-value={PIN}"], 2, "pin-value is refused"),
        (["list", token.uri(pin=f"file:/p?pin-value={PIN}")], 2, "pin-value is refused"),
        (["list", token.uri(), f"pkcs11:token=ocsp&pin-value={PIN}"], 2, "one word too many"),
        (["list", "pkcs11:tokn=ocsp"], 2, "tokn"),
        (["generate", "--kind", "P-255", token.uri("new")], 2, "P-255"),
        (["csr", "--subject", "nothing", token.uri("there")], 2, "--subject"),
        (["test", "--pss", token.uri("there")], 2, "PSS"),
        (["frobnicate"], 2, "expected 'list'"),
    ]:
        done = token.keys(*words)
        assert done.returncode == code, (words, done.stderr)
        assert expected in done.stderr, (words, done.stderr)
        assert "999999" not in done.stderr
    assert token.keys("--help").returncode == 0
