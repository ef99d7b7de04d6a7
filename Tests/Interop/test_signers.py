"""Certificates that answers are verified with: what relying parties refuse is not served, nor called verified."""
import json
import signal
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp as cocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

import avouch
import ocsp
from authority import DAY, NOW, Authority, key_usage
from avouch import run
from fixed_answer import FixedAnswer

TRY_LATER = bytes.fromhex("30030a0103")

UNKNOWN = (x509.UnrecognizedExtension, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True))


def sign_with_sha1(authority):
    """The responder certificate once more, by openssl: Python's cryptography makes none such."""
    authority.path("responder.ext").write_text(
        "authorityKeyIdentifier=keyid\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\n"
        "noCheck=ignored\n")
    request = authority.path("responder.csr")
    for words in (
            ["req", "-new", "-key", authority.path("responder.key"), "-subj", "/CN=Interop Responder", "-out", request],
            ["x509", "-req", "-sha1", "-in", request, "-CA", authority.path("ca.pem"),
             "-CAkey", authority.path("ca.key"), "-set_serial", "4711", "-days", "90",
             "-extfile", authority.path("responder.ext"),
             "-out", authority.path("responder.pem")]):
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    authority.responder = x509.load_pem_x509_certificate(authority.path("responder.pem").read_bytes())


def both(path, code, *words):
    """`config check` and `serve` say so; serve is asked only where it ends by itself."""
    commands = [["config", "check", path]] + ([["serve", "--config", path]] if code else [])
    for command in commands:
        result = run(*command, timeout=20)
        assert result.returncode == code, result.stderr
        for word in words:
            assert word in result.stderr, result.stderr


def readiness(authority):
    done = subprocess.run(["curl", "-s", "--unix-socket", authority.path("control"), "http://localhost/readyz"],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("is_public", [True, False])
def test_an_unknown_critical_extension_is_refused(authority, is_public):
    authority.issue_profile([UNKNOWN])
    both(authority.configure(publicProgramme=is_public), 1, "responder.pem", "1.2.3.4", "unknown")


@pytest.mark.parametrize("times", [dict(ca_days=-1), dict(ca_before=10)], ids=["ended", "not yet"])
def test_an_authority_that_is_not_valid_now(tmp_path, times):
    authority = Authority(tmp_path / "ca", **times)
    good = authority.issue("good.example")
    authority.record(good)
    result = run("config", "check", authority.configure())
    assert result.returncode == 1
    for word in ("ca.pem", "valid from", "publicProgramme: false"):
        assert word in result.stderr
    authority.import_index()
    with authority.serve() as server:
        assert "ca.pem" in "".join(server.errors) and "nothing is signed" in "".join(server.errors)
        assert server.post(ocsp.request(good, authority.certificate)).body == TRY_LATER
        assert readiness(authority)["ready"] is False
    both(authority.configure(publicProgramme=False), 0, "warning", "ca.pem", "refuse every answer")
    with authority.serve() as server:
        assert ocsp.parse(server.post(ocsp.request(good, authority.certificate)).body).signature


class Pair:
    """Two authorities that one responder answers for; each has issued and signed for one certificate."""

    def __init__(self, folder):
        self.authority, self.other = Authority(folder / "one"), Authority(folder / "two", ca_name="Other CA")
        for one in (self.authority, self.other):
            one.good = one.issue("good.example")
            one.record(one.good)
        own = json.loads(self.authority.configure(name="interop").read_text())
        own["issuers"].append({
            "name": "other", "certificate": "../two/ca.pem",
            "signer": {"certificate": "../two/responder.pem", "key": "../two/responder.key"}})
        self.authority.path("avouch.json5").write_text(json.dumps(own))
        self.authority.import_index()
        self.other.path("index.txt").write_text("".join(self.other.rows))
        result = run("import", "--config", self.authority.path("avouch.json5"), "--issuer", "other",
                     "--index", self.other.path("index.txt"))
        assert result.returncode == 0, result.stderr

    def look(self, server):
        """The first issuer's signer is not valid now, and another was before."""
        one, other = self.authority, self.other
        assert ocsp.verified(server.post(ocsp.request(one.good, one.certificate)).body, one.certificate, one.good)
        live = ocsp.request(one.good, one.certificate, nonce=b"n" * 32)
        assert server.post(live).body == TRY_LATER
        assert server.post(ocsp.request(one.good, one.certificate, "sha384")).body == TRY_LATER
        live = server.post(ocsp.request(other.good, other.certificate, nonce=b"n" * 32)).body
        assert ocsp.verified(live, other.certificate, other.good, nonce=b"n" * 32)
        # The other is served: a balancer that took the node away would take that away too.
        state = readiness(one)
        assert state["ready"] and state["reasons"] == []
        warnings = [one for one in state["warnings"] if "'interop'" in one]
        assert len(warnings) == 1 and "signer's certificate" in warnings[0]


@pytest.mark.parametrize("times", [dict(days=-1), dict(before=10)], ids=["ended", "not yet"])
def test_a_signer_that_is_not_valid_now_keeps_no_other_issuer_from_being_served(tmp_path, times):
    pair = Pair(tmp_path)
    with pair.authority.serve() as server:
        pair.authority.issue_profile(**times)
        server.process.send_signal(signal.SIGHUP)
        avouch.wait_until(lambda: "was read again" in "".join(server.errors))
        assert "nothing is signed for this issuer" in "".join(server.errors)
        pair.look(server)
        assert server.stop() == 0
    with pair.authority.serve() as server:
        assert "nothing is signed for this issuer" in "".join(server.errors)
        pair.look(server)
    result = run("config", "check", pair.authority.path("avouch.json5"))
    assert result.returncode == 1
    assert "responder.pem" in result.stderr and "valid from" in result.stderr and "issuer 'other'" in result.stdout


def test_sha1_is_refused(authority):
    sign_with_sha1(authority)
    both(authority.configure(), 1, "responder.pem", "SHA-1", "publicProgramme: false")
    both(authority.configure(publicProgramme=False), 0, "warning", "SHA-1")


@pytest.mark.parametrize("kind, digest, word", [
    ("p256", "sha384", "sha256"), ("p384", "sha256", "sha384"), ("p521", "sha384", "sha512"),
    ("ed25519", "auto", "Ed25519")])
def test_signatures_that_the_programmes_do_not_know(tmp_path, kind, digest, word):
    authority = Authority(tmp_path / "ca", kind)
    both(authority.configure(signer={"digest": digest}), 1, "7.1.3.2", word, "publicProgramme: false")
    both(authority.configure(signer={"digest": digest}, publicProgramme=False), 0)


def test_every_hash_goes_with_rsa(tmp_path):
    authority = Authority(tmp_path / "ca", "rsa2048")
    for digest in ("auto", "sha256", "sha384", "sha512"):
        both(authority.configure(signer={"digest": digest}), 0)


PROFILE = {
    "usages": ([(x509.ExtendedKeyUsage,
                 (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING, x509.ObjectIdentifier("1.2.3.5")]), False))],
               "extended key usage"),
    "key usage": ([(x509.KeyUsage, (key_usage(encipher=True), True))], "key usage"),
    "key usage not critical": ([(x509.KeyUsage, (key_usage(), False))], "key usage"),
    "no key usage": ([(x509.KeyUsage, None)], "key usage"),
    "authority": ([(x509.BasicConstraints, (x509.BasicConstraints(True, None), True))], "CA:TRUE"),
    "no key identifier": ([(x509.AuthorityKeyIdentifier, None)], "authority key identifier"),
    "crl": ([(x509.CRLDistributionPoints, (x509.CRLDistributionPoints([x509.DistributionPoint(
        [x509.UniformResourceIdentifier("http://a/")], None, None, None)]), False))], "CRL distribution points"),
    "other name": ([(x509.SubjectAlternativeName, (x509.SubjectAlternativeName([x509.DNSName("a")]), False))],
                   "subject alternative name"),
    "ocsp": ([(x509.AuthorityInformationAccess, (x509.AuthorityInformationAccess([x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://a/"))]), False))], "7.1.2.8"),
    "critical nocheck": ([(x509.OCSPNoCheck, (x509.OCSPNoCheck(), True))], "nocheck is critical"),
    "no nocheck": ([(x509.OCSPNoCheck, None)], "nocheck is missing"),
}


@pytest.mark.parametrize("label", PROFILE)
def test_the_profile_of_a_responder_certificate(authority, label):
    changes, word = PROFILE[label]
    authority.issue_profile(changes)
    both(authority.configure(), 0, "warning", "responder.pem", word)
    result = run("config", "check", authority.configure(publicProgramme=False))
    assert result.returncode == 0 and (result.stderr == "" or label == "no nocheck")


def test_the_profile_itself_is_taken_without_a_word(authority):
    authority.issue_profile([(x509.BasicConstraints, (x509.BasicConstraints(False, None), False))])
    result = run("config", "check", authority.configure())
    assert (result.returncode, result.stderr) == (0, "")
    authority.issue_profile(days=500)
    both(authority.configure(), 0, "502 days")


# What `avouch check` says of them

def answer(authority, certificate):
    """A good answer, signed with the responder's key."""
    return (cocsp.OCSPResponseBuilder()
            .add_response(certificate, authority.certificate, hashes.SHA1(), cocsp.OCSPCertStatus.GOOD,
                          NOW - DAY / 24, NOW + DAY, None, None)
            .responder_id(cocsp.OCSPResponderEncoding.HASH, authority.responder).certificates([authority.responder])
            .sign(authority.responder_key, hashes.SHA256())).public_bytes(serialization.Encoding.DER)


def verdict(authority):
    certificate = authority.issue("good.example")
    with FixedAnswer(answer(authority, certificate)) as server:
        leaf = authority.path("good.example.pem")
        result = run("check", "--json", "--issuer", authority.path("ca.pem"), "--cert", leaf, server.url)
        shown = json.loads(result.stdout)
        verified = subprocess.run(
            ["openssl", "ocsp", "-issuer", authority.path("ca.pem"), "-CAfile", authority.path("ca.pem"), "-no_nonce",
             "-cert", leaf, "-url", server.url], capture_output=True, text=True, check=False)
        is_taken = "Response verify OK" in verified.stderr
        return result.returncode, shown["verified"], " ".join(shown["problems"]), is_taken


def test_check_takes_a_proper_answer(authority):
    assert verdict(authority) == (0, True, "", True)


@pytest.mark.parametrize("label, words", [
    ("unknown", ["signer's certificate", "1.2.3.4"]), ("signer", ["signer's certificate", "valid from"]),
    ("signer later", ["signer's certificate", "valid from"]), ("ca", ["CA's certificate", "valid from"]),
    ("sha1", ["SHA-1"])])
def test_check_does_not_believe(tmp_path, label, words):
    authority = Authority(tmp_path / "ca", ca_days=-1 if label == "ca" else 3650)
    if label == "unknown":
        authority.issue_profile([UNKNOWN])
    elif label.startswith("signer"):
        authority.issue_profile(**(dict(days=-1) if label == "signer" else dict(before=10)))
    elif label == "sha1":
        sign_with_sha1(authority)
    code, is_verified, problems, openssl_verified = verdict(authority)
    assert (code, is_verified) == (1, False)
    for word in words:
        assert word in problems
    # Debian's openssl takes SHA-1 here; all else it refuses too.
    assert not openssl_verified or label == "sha1"
