"""Every kind of answer, for every kind of key, through pkilint, redbot and Python's cryptography."""
import email.utils
import hashlib
import json
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.x509 import ocsp as cocsp

import ocsp
from authority import DAY, KEYS, NOW, Authority
from avouch import ask_until, base64_target, run

TOOLS = pathlib.Path(sys.executable).parent


def pkilint(tmp_path, octets):
    file = tmp_path / "response.der"
    file.write_bytes(octets)
    result = subprocess.run([TOOLS / "lint_ocsp_response", "lint", "-s", "INFO", file],
                            capture_output=True, text=True, timeout=60)
    return result.stdout.strip(), result.returncode


def assert_no_findings(tmp_path, octets):
    findings, code = pkilint(tmp_path, octets)
    assert (findings, code) == ("", 0)


def test_pkilint_finds_what_is_wrong(tmp_path, world):
    """The linter at work: an answer whose nextUpdate lies before its thisUpdate."""
    body = world.server.post(ocsp.request(world.good, world.certificate)).body
    broken = body.replace(b"\xa0\x11\x18\x0f2", b"\xa0\x11\x18\x0f1", 1)
    findings, code = pkilint(tmp_path, broken)
    assert "negative_validity_period" in findings and code != 0


REASONS = ["keyCompromise", "CACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
           "certificateHold", "unspecified", None]


@pytest.mark.parametrize("kind, padding", [(kind, "pkcs1") for kind in KEYS] + [("rsa2048", "pss")])
@pytest.mark.parametrize("is_delegated", [True, False], ids=["delegated", "direct"])
def test_every_key(tmp_path, kind, padding, is_delegated):
    authority = Authority(tmp_path / "ca", kind, is_delegated)
    good, revoked = authority.issue("good"), authority.issue("revoked")
    authority.record(good)
    authority.record(revoked, NOW - DAY, "superseded")
    # TLS BR 7.1.3.2 has no Ed25519.
    authority.configure(signer={"padding": padding}, publicProgramme=kind != "ed25519")
    authority.import_index()
    with authority.serve() as server:
        for nonce in (None, b"n" * 16):
            body = server.post(ocsp.request(good, authority.certificate, nonce=nonce)).body
            response = ocsp.verified(body, authority.certificate, good, nonce=nonce)
            assert response.certificate_status == cocsp.OCSPCertStatus.GOOD
            assert response.certificates == [authority.responder if is_delegated else authority.certificate]
            assert response.responder_key_hash and response.responder_name is None
            assert_no_findings(tmp_path, body)
        body = server.post(ocsp.request(revoked, authority.certificate)).body
        assert ocsp.verified(body, authority.certificate, revoked).revocation_reason == x509.ReasonFlags.superseded
        assert_no_findings(tmp_path, body)
        assert server.stop() == 0


def test_every_reason(tmp_path, authority):
    certificates = {}
    for reason in REASONS:
        certificates[reason] = authority.issue(f"r-{reason}")
        authority.record(certificates[reason], NOW - DAY, reason)
    authority.configure()
    authority.import_index()
    flags = {"CACompromise": "ca_compromise", "keyCompromise": "key_compromise", "superseded": "superseded",
             "affiliationChanged": "affiliation_changed", "cessationOfOperation": "cessation_of_operation",
             "certificateHold": "certificate_hold"}
    with authority.serve() as server:
        for reason, certificate in certificates.items():
            body = server.post(ocsp.request(certificate, authority.certificate)).body
            response = ocsp.verified(body, authority.certificate, certificate)
            # "unspecified" is left out (RFC 5280 5.3.1).
            expected = getattr(x509.ReasonFlags, flags[reason]) if reason in flags else None
            assert response.revocation_reason == expected
            assert response.revocation_time_utc == NOW - DAY
            if reason == "certificateHold":
                continue
            assert_no_findings(tmp_path, body)


@pytest.mark.parametrize("unissued, status", [
    ("unauthorized", None), ("unknown", cocsp.OCSPCertStatus.UNKNOWN), ("good", cocsp.OCSPCertStatus.GOOD),
    ("revoked", cocsp.OCSPCertStatus.REVOKED)])
def test_unissued_policies(tmp_path, authority, unissued, status):
    unknown = authority.issue("unknown")
    authority.configure(unissued=unissued, publicProgramme=False)
    authority.import_index()
    with authority.serve() as server:
        for nonce in (None, b"n" * 16):
            body = server.post(ocsp.request(unknown, authority.certificate, nonce=nonce)).body
            if status is None:
                assert body == bytes.fromhex("30030a0106")
                continue
            response = ocsp.verified(body, authority.certificate, unknown, nonce=nonce)
            assert response.certificate_status == status
            has_extension = any(one.oid.dotted_string == "1.3.6.1.5.5.7.48.1.9" for one in response.extensions)
            assert has_extension == (unissued == "revoked")
            if unissued == "revoked":
                assert response.revocation_reason == x509.ReasonFlags.certificate_hold
                assert response.revocation_time_utc.timestamp() == 0
            else:
                assert_no_findings(tmp_path, body)


def test_by_name_archive_cutoff_and_forever(tmp_path, authority):
    good = authority.issue("good")
    authority.record(good)
    authority.configure(responderID="byName", archiveCutoff="issuer", validity="forever", publicProgramme=False)
    authority.import_index()
    with authority.serve() as server:
        body = server.post(ocsp.request(good, authority.certificate)).body
        response = ocsp.parse(body)
        ocsp.verify_signature(response, authority.responder.public_key())
        assert response.responder_name == authority.responder.subject
        assert response.next_update_utc.year == 9999
        cutoff = [one for one in response.single_extensions if one.oid.dotted_string == "1.3.6.1.5.5.7.48.1.6"]
        expected = authority.certificate.not_valid_before_utc.strftime("%Y%m%d%H%M%SZ").encode()
        assert cutoff and expected in cutoff[0].value.value
        assert_no_findings(tmp_path, body)


@pytest.mark.parametrize("cutoff", ["issuer", "2500d"])
def test_archive_cutoff_of_the_records(authority, cutoff):
    """The record's own stands in the place of the issuer's: an extension is possible once."""
    own = authority.issue("own")
    plain = authority.issue("plain")
    value = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1.6"), b"\x18\x0f20010203040506Z")
    content = bytes.fromhex("06092b0601050507300106") + b"\x04" + bytes([len(value.value)]) + value.value
    extension = b"\x30" + bytes([len(content)]) + content
    authority.configure(archiveCutoff=cutoff)
    authority.path("a.csv").write_text(
        f"serial,extensions\n{own.serial_number:X},{extension.hex()}\n{plain.serial_number:X},\n")
    result = run("import", "--config", authority.path("avouch.json5"), "--issuer", "interop",
                 "--csv", authority.path("a.csv"))
    assert result.returncode == 0, result.stderr
    with authority.serve() as server:
        for nonce in (None, b"n" * 16):
            body = server.post(ocsp.request(own, authority.certificate, nonce=nonce)).body
            response = ocsp.verified(body, authority.certificate, own, nonce=nonce)
            assert [one.value for one in response.single_extensions] == [value]
            body = server.post(ocsp.request(plain, authority.certificate, nonce=nonce)).body
            response = ocsp.verified(body, authority.certificate, plain, nonce=nonce)
            assert len(response.single_extensions) == 1 and response.single_extensions[0].value != value


def test_invalidity_date_of_the_records(tmp_path, authority):
    certificate = authority.issue("compromised")
    authority.record(certificate, NOW - DAY, "keyTime,20260102030405Z")
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        body = server.post(ocsp.request(certificate, authority.certificate)).body
        response = ocsp.verified(body, authority.certificate, certificate)
        date = response.single_extensions.get_extension_for_class(x509.InvalidityDate).value
        assert date.invalidity_date.strftime("%Y%m%d%H%M%S") == "20260102030405"
        assert response.revocation_reason == x509.ReasonFlags.key_compromise
        assert_no_findings(tmp_path, body)


def test_several_certificates(tmp_path, world):
    """All are answered; where one is not on record, it is unknown beside the others."""
    der = subprocess.run(
        ["openssl", "ocsp", "-issuer", world.path("ca.pem"), "-cert", world.path("good.example.pem"),
         "-cert", world.path("revoked.example.pem"), "-cert", world.path("unknown.example.pem"), "-no_nonce",
         "-reqout", tmp_path / "request.der"], capture_output=True, text=True)
    assert der.returncode == 0, der.stderr
    body = world.server.post((tmp_path / "request.der").read_bytes()).body
    responses = list(ocsp.parse(body).responses)
    assert [one.certificate_status.name for one in responses] == ["GOOD", "REVOKED", "UNKNOWN"]
    serials = [one.serial_number for one in (world.good, world.revoked, world.unknown)]
    assert [one.serial_number for one in responses] == serials
    assert_no_findings(tmp_path, body)


def test_signed_requests_refused_by_configuration(tmp_path, authority):
    good = authority.issue("good")
    authority.record(good)
    authority.configure(requestSignatures="refuse")
    authority.import_index()
    with authority.serve() as server:
        command = ["openssl", "ocsp", "-issuer", authority.path("ca.pem"), "-CAfile", authority.path("ca.pem"),
                   "-cert", authority.path("good.pem"), "-url", server.url]
        signed = subprocess.run([*command, "-signer", authority.path("responder.pem"), "-signkey",
                                 authority.path("responder.key")], capture_output=True, text=True)
        assert "unauthorized (6)" in signed.stdout + signed.stderr
        plain = subprocess.run(command, capture_output=True, text=True)
        assert "good.pem: good" in plain.stdout


def test_nonce_ignored_by_configuration(authority):
    good = authority.issue("good")
    authority.record(good)
    authority.configure(nonce="ignore")
    authority.import_index()
    with authority.serve() as server:
        answer = server.post(ocsp.request(good, authority.certificate, nonce=b"n" * 32))
        ocsp.verified(answer.body, authority.certificate, good)
        assert "etag" in answer.headers


def test_answers_end_with_the_signer(authority):
    """Invariant 4: nextUpdate never passes the end of the responder's certificate."""
    authority.responder = authority.issue_responder(authority.responder_key, days=1)
    authority.write("responder.pem", authority.responder)
    good = authority.issue("good")
    authority.record(good)
    authority.configure(validity="3d")
    authority.import_index()
    with authority.serve() as server:
        for nonce in (None, b"n" * 16):
            body = server.post(ocsp.request(good, authority.certificate, nonce=nonce)).body
            response = ocsp.verified(body, authority.certificate, good, nonce=nonce)
            assert response.next_update_utc <= authority.responder.not_valid_after_utc


def test_headers(world):
    answer = world.server.get(base64_target(ocsp.request(world.good, world.certificate)))
    response = ocsp.parse(answer.body)

    def date(header):
        return email.utils.parsedate_to_datetime(answer.headers[header])

    assert answer.headers["content-type"] == "application/ocsp-response"
    assert date("last-modified") == response.produced_at_utc == response.this_update_utc
    assert date("expires") == response.next_update_utc
    assert answer.headers["etag"] == '"' + hashlib.sha256(answer.body).hexdigest() + '"'
    age = re.fullmatch(r"max-age=(\d+), public, no-transform, must-revalidate", answer.headers["cache-control"])
    assert date("date").timestamp() + int(age.group(1)) < response.next_update_utc.timestamp()


SURROGATE_FIELDS = ["Surrogate-Key", "Cache-Tag", "Edge-Cache-Tag"]


def surrogate_keys(answer):
    """The lists of keys that an answer has, by field."""
    return {name: answer.headers[name.lower()].split(" " if name == "Surrogate-Key" else ",")
            for name in SURROGATE_FIELDS if name.lower() in answer.headers}


def keys_of(certificate, issuer="interop"):
    # The serial's octets as DER has them: a zero before a first one from 80 on.
    octets = certificate.serial_number.to_bytes(certificate.serial_number.bit_length() // 8 + 1, "big")
    return [f"c-{octets.hex().upper()}-{issuer}", f"i-{issuer}"]


def test_surrogate_keys(authority):
    """On every answer that a cache may keep, however it was asked for and made, and on no other."""
    # A first octet below 80 and one that DER puts a zero before; the longest that RFC 5280 allows.
    certificates = [authority.issue(f"s{serial:x}"[:20], serial=serial) for serial in (0x7FAB, 0x80AB, 2**159 - 1)]
    for certificate in certificates:
        authority.record(certificate)
    path = authority.configure()
    settings = json.loads(path.read_text())
    settings["surrogateKeys"] = SURROGATE_FIELDS
    path.write_text(json.dumps(settings))
    authority.import_index()
    with authority.serve() as server:
        for certificate in certificates:
            expected = dict.fromkeys(SURROGATE_FIELDS, keys_of(certificate))
            # Out of memory, and one whose hash is signed on demand: first in the making, then out of memory too.
            for algorithm in ("sha1", "sha256", "sha256"):
                der = ocsp.request(certificate, authority.certificate, algorithm)
                answers = [server.get(base64_target(der)), server.post(der),
                           server.get(base64_target(der), method="HEAD")]
                answers.append(server.get(base64_target(der), f"If-None-Match: {answers[0].headers['etag']}"))
                assert [answer.status for answer in answers] == [200, 200, 200, 304]
                assert [surrogate_keys(answer) for answer in answers] == [expected] * 4
            # The first question for this hash is a conditional one.
            der = ocsp.request(certificate, authority.certificate, "sha384")
            late = server.get(base64_target(der), "If-Modified-Since: " + email.utils.format_datetime(
                NOW - DAY, usegmt=True))
            assert surrogate_keys(late) == expected
            nonce = server.post(ocsp.request(certificate, authority.certificate, nonce=b"n" * 16))
            assert ocsp.parse(nonce.body) and surrogate_keys(nonce) == {}
        unauthorized = server.post(ocsp.request(authority.issue("unknown"), authority.certificate))
        assert unauthorized.body == bytes.fromhex("30030a0106") and surrogate_keys(unauthorized) == {}
        assert surrogate_keys(server.post(b"no request")) == {}
        assert surrogate_keys(server.get("/", method="DELETE")) == {}


def test_surrogate_keys_by_sighup(authority):
    certificate = authority.issue("good")
    authority.record(certificate)
    path = authority.configure()
    settings = json.loads(path.read_text())
    authority.import_index()
    der = ocsp.request(certificate, authority.certificate)
    with authority.serve() as server:
        for fields in ([], ["Cache-Tag"], ["Edge-Cache-Tag", "Surrogate-Key"], []):
            path.write_text(json.dumps({**settings, "surrogateKeys": fields}))
            server.process.send_signal(signal.SIGHUP)
            expected = dict.fromkeys(fields, keys_of(certificate))
            ask_until(lambda: surrogate_keys(server.post(der)), lambda keys: keys == expected)
        assert not any("next start" in line for line in server.errors)


# All that redbot and httplint may say: facts, and the one remark on `public`, which RFC 9919 7.2 asks for.
FINE = [
    "server's clock is correct", "resource last changed", "Content-Length header is correct", "all caches to store it",
    "response is fresh for", "max-age and Expires are both present", "public is probably not necessary",
    "cannot be served by a cache once it becomes stale", "If-None-Match conditional requests are supported",
    "If-Modified-Since conditional requests are supported",
    # Read in the second after it was made.
    "has already been cached for 1 second",
]


# Who asks by the date alone gets a revoked answer again: a good one may have had the same date.
FINE_OF_REVOKED = ["An If-Modified-Since conditional request returned the full content unchanged"]


def assert_only_fine(text, *more):
    notes = [line for line in text.splitlines() if line.lstrip().startswith("* ") and not line.rstrip().endswith(":")]
    assert len(notes) >= 6, text
    assert [note for note in notes if not any(fact in note for fact in [*FINE, *more])] == []


@pytest.mark.parametrize("name", ["good", "revoked"])
def test_redbot(world, name):
    target = base64_target(ocsp.request(getattr(world, name), world.certificate))
    result = subprocess.run([TOOLS / "redbot", "-o", "text", world.server.url + target], capture_output=True, text=True,
                            timeout=120)
    assert result.returncode == 0, result.stderr
    assert "conditional requests are supported" in result.stdout
    assert_only_fine(result.stdout, *(FINE_OF_REVOKED if name == "revoked" else []))


@pytest.mark.parametrize("name", ["good", "revoked"])
def test_httplint(world, name):
    target = base64_target(ocsp.request(getattr(world, name), world.certificate))
    octets = world.server.exchange(f"GET {target} HTTP/1.1\r\nHost: ocsp.example\r\nConnection: close\r\n\r\n".encode())
    result = subprocess.run([TOOLS / "httplint", "-n"], input=octets, capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr.decode()
    assert_only_fine(result.stdout.decode())
