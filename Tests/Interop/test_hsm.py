"""Keys that never leave their token: answers signed through PKCS#11, and what becomes of them when the token fails."""
import json
import os
import signal
import subprocess

import pytest
from cryptography import x509
from cryptography.x509 import ocsp as cocsp

import avouch
import ocsp
from authority import Authority
from avouch import ROOT, base64_target, run
from test_keys import MODULE, Token

TRY_LATER = bytes.fromhex("30030a0103")


class Scene:
    """An authority whose responder's key lies in a token."""

    def __init__(self, folder, kind="P-256", module=MODULE):
        self.token = Token(folder)
        self.module = module
        self.authority = Authority(folder / "ca")
        self.environment = self.token.environment
        self.issue("responder", kind)
        self.good, self.other = self.authority.issue("good"), self.authority.issue("other")
        self.authority.record(self.good)
        self.authority.record(self.other)

    def issue(self, name, kind="P-256"):
        """A key in the token, and a responder certificate for it."""
        made = self.token.keys("generate", "--kind", kind, self.token.uri(name))
        assert made.returncode == 0, made.stderr
        request = self.token.keys("csr", "--subject", "CN=Responder in a token", self.token.uri(name))
        public = x509.load_pem_x509_csr(request.stdout.encode()).public_key()

        class Pair:
            @staticmethod
            def public_key():
                return public
        self.authority.responder = self.authority.issue_responder(Pair)
        self.authority.write("responder.pem", self.authority.responder)

    def uri(self, key="responder", **parts):
        return self.token.uri(key, **parts).replace(MODULE, str(self.module))

    def configure(self, key=None, signing=None, **issuer):
        path = self.authority.configure(signer={"key": key or self.uri()}, **issuer)
        settings = json.loads(path.read_text())
        settings["signing"] = signing or {}
        path.write_text(json.dumps(settings))
        return path

    def serve(self):
        return avouch.Server("serve", "--config", self.authority.path("avouch.json5"), environment=self.environment)

    def check(self, key=None):
        return run("config", "check", self.configure(key), env=self.environment)

    def ask(self, server, certificate=None, nonce=None, algorithm="sha1"):
        certificate = certificate or self.good
        request = ocsp.request(certificate, self.authority.certificate, algorithm, nonce=nonce)
        return server.post(request)

    def verified(self, answer, certificate=None, nonce=None):
        return ocsp.verified(
            answer.body, self.authority.certificate, certificate or self.good, nonce=nonce).certificate_status.name

    def revoke(self, certificate):
        return run("revoke", "--config", self.authority.path("avouch.json5"), "--issuer", "interop", "--serial",
                   f"{certificate.serial_number:X}", "--reason", "keyCompromise", env=self.environment)


def readiness(scene):
    done = subprocess.run(["curl", "-s", "--unix-socket", scene.authority.path("control"), "http://localhost/readyz"],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "RSA-2048", "Ed25519"])
def test_answers_are_signed_in_the_token(tmp_path, kind):
    scene = Scene(tmp_path, kind)
    scene.configure(publicProgramme=False)
    scene.authority.import_index()
    with scene.serve() as server:
        assert "2 signed" in "".join(server.output)
        assert scene.verified(scene.ask(server)) == "GOOD"
        assert scene.verified(scene.ask(server, nonce=b"n" * 32), nonce=b"n" * 32) == "GOOD"
        done = subprocess.run(
            ["openssl", "ocsp", "-issuer", scene.authority.path("ca.pem"), "-CAfile", scene.authority.path("ca.pem"),
             "-cert", scene.authority.path("good.pem"), "-url", server.url], capture_output=True, text=True)
        assert "Response verify OK" in done.stderr and "good.pem: good" in done.stdout
        assert scene.revoke(scene.other).returncode == 0
        assert scene.verified(scene.ask(server, scene.other), scene.other) == "REVOKED"
        assert server.stop() == 0
    assert "never extractable" in scene.token.opensc("--list-objects", "--type", "privkey")


def test_config_check_says_what_is_there_instead(scene, tmp_path):
    fine = scene.check()
    assert fine.returncode == 0 and "fine" in fine.stdout, fine.stderr
    scene.token.keys("generate", "--kind", "P-256", scene.token.uri("stranger"))
    (tmp_path / "wrong").write_text("000000\n")
    (tmp_path / "text.so").write_text("no module\n")
    for key, words in [
        (scene.uri("nobody"), ["nobody", "'responder'"]),
        (scene.uri("stranger"), ["stranger", "is not that of", "responder.pem"]),
        (scene.uri(token="elsewhere"), ["elsewhere", "'ocsp'"]),
        (scene.uri(pin=f"file:{tmp_path}/wrong"), ["CKR_PIN_INCORRECT"]),
        (scene.uri(pin="file:/nowhere/pin"), ["/nowhere/pin"]),
        (scene.uri().replace(MODULE, "/nowhere/module.so"), ["/nowhere/module.so"]),
        (scene.uri().replace(MODULE, f"{tmp_path}/text.so"), ["text.so"]),
        ("pkcs11:token=a;object=b", ["module-path"]),
        (scene.uri() + "&pin-value=271828", ["pin-value"]),
        (" PKCS11" + scene.uri().removeprefix("pkcs11") + "&pin-value=271828", ["pin-value"]),
        ("file:" + scene.uri() + "&pin-value=271828", ["pin-value=…", "No such file"]),
    ]:
        done = scene.check(key)
        assert done.returncode == 1, key
        for word in words:
            assert word in done.stderr, (key, done.stderr)
        assert "271828" not in done.stderr + done.stdout


def test_a_reload_to_a_key_that_cannot_work_changes_nothing(scene):
    scene.configure()
    scene.authority.import_index()
    scene.token.keys("generate", "--kind", "P-256", scene.token.uri("stranger"))
    with scene.serve() as server:
        for number, key in enumerate(("no-such-key", "stranger"), 1):
            scene.configure(scene.uri(key))
            server.process.send_signal(signal.SIGHUP)
            avouch.wait_until(lambda: "".join(server.errors).count("the one before stays in force") == number)
            assert scene.verified(scene.ask(server, nonce=b"n" * 32), nonce=b"n" * 32) == "GOOD"
            assert readiness(scene)["ready"] and readiness(scene)["warnings"] == []
        assert server.stop() == 0


def test_a_wrong_pin_is_mended_by_sighup(scene, tmp_path):
    (tmp_path / "pin").write_text("000000\n")
    scene.configure()
    scene.authority.import_index()
    server = subprocess.Popen(
        [avouch.BINARY, "serve", "--config", scene.authority.path("avouch.json5")], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=scene.environment)
    try:
        # Never ready: nothing can be signed; and yet it listens, and says why.
        assert server.stdout.readline().startswith("serving")
        avouch.wait_until(lambda: any("CKR_PIN_INCORRECT" in one for one in readiness(scene)["warnings"]))
        (tmp_path / "pin").write_text("271828\n")
        server.send_signal(signal.SIGHUP)
        assert server.stdout.readline().startswith("ready")
    finally:
        server.kill()
        server.communicate(timeout=avouch.PATIENCE)


@pytest.fixture
def faulty(tmp_path):
    """The same with a module between that makes faults."""
    module = tmp_path / "fault.so"
    flags = subprocess.run(["pkg-config", "--cflags", "p11-kit-1"], capture_output=True, text=True, check=True).stdout
    subprocess.run(["cc", "-shared", "-fPIC", "-o", module, ROOT / "Tests" / "FaultModule" / "fault.c",
                    *flags.split(), "-lpthread"], check=True)
    scene = Scene(tmp_path, module=module)

    def obey(*commands):
        (tmp_path / "next").write_text("".join(command + "\n" for command in commands))
        os.rename(tmp_path / "next", f"{module}.control")
    scene.obey = obey
    return scene


def test_a_refused_pin_is_not_tried_again_by_sighup(faulty):
    """Or three rotations of a log would lock the token. Here the token would take it the second time."""
    faulty.configure()
    faulty.authority.import_index()
    faulty.obey("C_Login rv=0x5 count=1")
    server = subprocess.Popen(
        [avouch.BINARY, "serve", "--config", faulty.authority.path("avouch.json5")], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=faulty.environment)
    try:
        assert server.stdout.readline().startswith("serving")
        avouch.wait_until(lambda: any("CKR_GENERAL_ERROR" in one for one in readiness(faulty)["warnings"]))
        for _ in range(3):
            server.send_signal(signal.SIGHUP)
            avouch.wait_until(lambda: any("the same that was refused before" in one and "restart" in one
                                          for one in readiness(faulty)["warnings"]))
    finally:
        server.kill()
        server.communicate(timeout=avouch.PATIENCE)
    # A restart tries it.
    faulty.obey()
    with faulty.serve() as server:
        assert faulty.verified(faulty.ask(server)) == "GOOD"
        assert server.stop() == 0


@pytest.mark.parametrize("fault", [
    "C_Sign rv=0x30", "C_Sign rv=0x5", "C_Sign rv=0x80000001", "token absent", "C_Sign corrupt", "C_Sign hang",
    "C_SignInit rv=0x101",
])
def test_what_is_in_memory_outlives_every_fault(faulty, fault):
    faulty.configure(signing={"callDeadline": "1s", "verifyOneIn": 1, "sessionsPerToken": 2})
    faulty.authority.import_index()
    with faulty.serve() as server:
        faulty.obey(fault)
        answer = avouch.ask_until(lambda: faulty.ask(server, nonce=b"n" * 16), lambda answer: answer.body == TRY_LATER)
        assert "retry-after" in answer.headers
        assert faulty.verified(faulty.ask(server)) == "GOOD"
        # A revocation takes effect with no token to sign it: nobody says good any more.
        assert faulty.revoke(faulty.other).returncode == 0
        assert faulty.ask(server, faulty.other).body == TRY_LATER
        avouch.wait_until(lambda: readiness(faulty)["warnings"])
        faulty.obey()
        avouch.ask_until(lambda: faulty.ask(server, faulty.other), lambda answer: answer.body != TRY_LATER)
        assert faulty.verified(faulty.ask(server, faulty.other), faulty.other) == "REVOKED"
        assert faulty.verified(faulty.ask(server, nonce=b"n" * 16), nonce=b"n" * 16) == "GOOD"
        assert server.stop() == 0


def test_one_call_that_hangs_stops_nobody(faulty):
    faulty.configure(signing={"callDeadline": "1s", "sessionsPerToken": 2})
    faulty.authority.import_index()
    with faulty.serve() as server:
        faulty.obey("C_Sign hang count=1")
        for number in range(5):
            nonce = bytes([number]) * 16
            assert faulty.verified(faulty.ask(server, nonce=nonce), nonce=nonce) == "GOOD"
        faulty.obey()
        assert server.stop() == 0


def test_rollover_to_another_key_in_the_token(scene):
    scene.configure()
    scene.authority.import_index()
    with scene.serve() as server:
        old = scene.authority.responder
        scene.issue("next")
        scene.configure(scene.uri("next"))
        assert scene.verified(scene.ask(server)) == "GOOD"
        server.process.send_signal(signal.SIGHUP)

        def is_new():
            answer = cocsp.load_der_ocsp_response(server.get(base64_target(
                ocsp.request(scene.good, scene.authority.certificate))).body)
            assert answer.certificates in ([old], [scene.authority.responder])
            return answer.certificates == [scene.authority.responder]
        avouch.wait_until(is_new)
        assert scene.verified(scene.ask(server)) == "GOOD"


def test_two_tokens_share_a_key_and_one_may_fail(faulty):
    """The same token by two ways: one of them is broken from the start."""
    faulty.configure(key=[faulty.uri(), faulty.uri().replace(str(faulty.module), MODULE)])
    faulty.authority.import_index()
    faulty.obey("token absent")
    with faulty.serve() as server:
        for number in range(20):
            nonce = bytes([number]) * 16
            assert faulty.verified(faulty.ask(server, nonce=nonce), nonce=nonce) == "GOOD"
