"""The command line from a CA's records to answers on the wire, with its mistakes and its accidents."""
import csv
import datetime
import json
import os
import signal
import sqlite3
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp as cocsp

import avouch
import ocsp
from authority import DAY, KEYS, NOW, Authority
from avouch import ROOT, Answer, base64_target, check, read_all, run


def status(server, authority, certificate, algorithm="sha1"):
    body = server.post(ocsp.request(certificate, authority.certificate, algorithm)).body
    if body == bytes.fromhex("30030a0106"):
        return "UNAUTHORIZED"
    return ocsp.verified(body, authority.certificate, certificate, algorithm).certificate_status.name


def import_file(authority, *arguments):
    return run("import", "--config", authority.path("avouch.json5"), "--issuer", "interop", *arguments)


def revoke(authority, certificate, *arguments):
    return run("revoke", "--config", authority.path("avouch.json5"), "--issuer", "interop", "--serial",
               f"{certificate.serial_number:X}", *arguments)


def crl(authority, entries, **options):
    builder = (x509.CertificateRevocationListBuilder().issuer_name(options.get("issuer", authority.certificate.subject))
               .last_update(NOW - DAY).next_update(NOW + DAY)
               .add_extension(x509.CRLNumber(1), False))
    if options.get("is_delta"):
        builder = builder.add_extension(x509.DeltaCRLIndicator(1), True)
    for certificate, reason in entries:
        entry = (x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
                 .revocation_date(NOW - DAY))
        if reason:
            entry = entry.add_extension(x509.CRLReason(reason), False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(options.get("key", authority.key), hashes.SHA256())


# Importing

def test_import_crl_folder_and_csv(authority):
    certificates = [authority.issue(f"c{number}.example") for number in range(4)]
    folder = authority.path("certificates")
    folder.mkdir()
    for number in range(4):
        os.rename(authority.path(f"c{number}.example.pem"), folder / f"c{number}.pem")
    authority.configure()
    assert "4 added" in import_file(authority, "--certs", folder).stdout
    assert "4 unchanged" in import_file(authority, "--certs", folder).stdout
    (authority.path("a.crl")).write_bytes(
        crl(authority, [(certificates[1], x509.ReasonFlags.superseded), (certificates[2], None)])
        .public_bytes(serialization.Encoding.DER))
    (authority.path("b.crl")).write_bytes(
        crl(authority, [(certificates[1], x509.ReasonFlags.superseded), (certificates[2], None)])
        .public_bytes(serialization.Encoding.PEM))
    with authority.serve() as server:
        assert status(server, authority, certificates[1]) == "GOOD"
        result = import_file(authority, "--crl", authority.path("a.crl"))
        assert "2 changed" in result.stdout and "answers so from now on" in result.stdout
        assert [status(server, authority, one) for one in certificates] == ["GOOD", "REVOKED", "REVOKED", "GOOD"]
        assert "0 added, 0 changed, 2 unchanged" in import_file(authority, "--crl", authority.path("b.crl")).stdout
        # The folder says nothing of revocation.
        assert "4 unchanged" in import_file(authority, "--certs", folder).stdout
        with open(authority.path("a.csv"), "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["serial", "status", "revokedAt", "reason"])
            writer.writerow([f"{certificates[3].serial_number:x}", "revoked", "2026-01-01T00:00:00Z", "keyCompromise"])
            writer.writerow([f"{certificates[1].serial_number:x}", "good", "", ""])
        result = import_file(authority, "--csv", authority.path("a.csv"))
        assert "1 changed" in result.stdout and "1 stay revoked" in result.stdout
        assert status(server, authority, certificates[3]) == "REVOKED"
        assert status(server, authority, certificates[1]) == "REVOKED"


def test_a_new_certificate_is_answered_at_once(authority):
    first, second = authority.issue("a.example"), authority.issue("b.example")
    authority.record(first)
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        assert status(server, authority, second) == "UNAUTHORIZED"
        authority.record(second)
        authority.import_index()
        assert status(server, authority, second) == "GOOD"
        assert status(server, authority, second, "sha256") == "GOOD"


def broken_files(authority, other):
    good = authority.issue("good.example")
    row = f"V\t271124085705Z\t\t{good.serial_number:X}\tunknown\t/CN=a\n"
    foreign = crl(other, [(good, None)], issuer=other.certificate.subject)
    forged = crl(authority, [(good, None)], key=other.key)
    delta = crl(authority, [(good, None)], is_delta=True)
    der = serialization.Encoding.DER
    whole = crl(authority, [(good, None)]).public_bytes(der)
    return {
        "index-line": ("--index", (row + "V\tx\t\t02\tunknown\t/CN=b\n").encode(), ["line 2", "'x'", "YYMMDDHHMMSSZ"]),
        "index-fields": ("--index", (row + "garbage\n").encode(), ["line 2", "6 between tabs"]),
        "index-binary": ("--index", bytes(range(256)), ["line 1"]),
        "csv-column": ("--csv", b"serial,state\n01,good\n", ["line 1", "'state'"]),
        "csv-row": ("--csv", b"serial,revokedAt\n01,2026-01-01\n02,never\n", ["line 3", "'never'"]),
        "crl-foreign": ("--crl", foreign.public_bytes(der), ["another issuer"]),
        "crl-forged": ("--crl", forged.public_bytes(der), ["signature"]),
        "crl-delta": ("--crl", delta.public_bytes(der), ["delta CRL"]),
        "crl-truncated": ("--crl", whole[:-20], ["not a CRL", "octet"]),
        "crl-text": ("--crl", b"hello", ["BEGIN X509 CRL"]),
        "crl-certificate": ("--crl", authority.path("ca.pem").read_bytes(), ["BEGIN CERTIFICATE"]),
        "crl-changed": ("--crl", whole[:-90] + bytes([whole[-90] ^ 1]) + whole[-89:], [""]),
        "missing": ("--index", None, ["No such file"]),
    }


def test_broken_files_are_named_and_nothing_is_half_imported(authority, tmp_path):
    other = Authority(tmp_path / "other", ca_name="Other CA")
    authority.configure()
    for label, (option, octets, words) in broken_files(authority, other).items():
        path = authority.path("broken-" + label)
        if octets is not None:
            path.write_bytes(octets)
        result = import_file(authority, option, path)
        assert result.returncode == 1, label
        for word in [str(path), *words]:
            assert word in result.stderr, (label, result.stderr)
        with sqlite3.connect(authority.path("avouch.sqlite")) as database:
            assert database.execute("SELECT count(*) FROM certificates").fetchone() == (0,), label
    folder = authority.path("mixed")
    folder.mkdir()
    (folder / "a.pem").write_bytes(authority.path("good.example.pem").read_bytes())
    (folder / "b.pem").write_bytes(other.path("ca.pem").read_bytes())
    result = import_file(authority, "--certs", folder)
    assert result.returncode == 1 and "b.pem" in result.stderr and "not issued by" in result.stderr


# Revoking

@pytest.mark.parametrize("reason", ["keyCompromise", "cessationOfOperation", None])
def test_revoke_is_on_the_wire_when_the_command_ends(authority, reason):
    certificates = [authority.issue(f"c{number}.example") for number in range(3)]
    for certificate in certificates:
        authority.record(certificate)
    authority.configure(presign=["sha1", "sha256"])
    authority.import_index()
    with authority.serve() as server:
        for certificate in certificates:
            for algorithm in ("sha1", "sha256", "sha512"):
                assert status(server, authority, certificate, algorithm) == "GOOD"
            result = revoke(authority, certificate, *(["--reason", reason] if reason else []))
            assert result.returncode == 0 and "answers so from now on" in result.stdout
            for algorithm in ("sha1", "sha256", "sha512"):
                assert status(server, authority, certificate, algorithm) == "REVOKED"
        again = revoke(authority, certificates[0])
        assert again.returncode == 0 and "revoked already" in again.stdout
        held = json.loads(run("status", "--json", "--config", authority.path("avouch.json5"), "--issuer", "interop",
                              "--serial", f"{certificates[0].serial_number:X}").stdout)
        assert held["status"] == "revoked" and held["reason"] == reason
        assert {one["hash"] for one in held["memory"]["answers"]} == {"sha1", "sha256", "sha512"}


def test_no_good_after_an_acknowledged_revocation_under_load(authority):
    """Threads ask in every way meanwhile; a question sent after the command ended never gets good."""
    certificates = [authority.issue(f"c{number}.example") for number in range(15)]
    for certificate in certificates:
        authority.record(certificate)
    authority.configure()
    authority.import_index()
    acknowledged, wrong, answered = set(), [], [0]
    stop = threading.Event()

    def hammer(server, variant):
        algorithm, nonce = [("sha1", None), ("sha256", None), ("sha1", b"n" * 16)][variant]
        requests = [(one, ocsp.request(one, authority.certificate, algorithm, nonce)) for one in certificates]
        while not stop.is_set():
            for certificate, der in requests:
                was_acknowledged = certificate.serial_number in acknowledged
                response = ocsp.parse(server.post(der).body)
                if response.response_status != cocsp.OCSPResponseStatus.SUCCESSFUL:
                    continue
                answered[0] += 1
                if was_acknowledged and response.certificate_status != cocsp.OCSPCertStatus.REVOKED:
                    wrong.append((certificate, algorithm, nonce))

    with authority.serve() as server:
        threads = [threading.Thread(target=hammer, args=(server, variant)) for variant in (0, 1, 2)]
        for thread in threads:
            thread.start()
        try:
            for certificate in certificates:
                assert revoke(authority, certificate, "--reason", "keyCompromise").returncode == 0
                acknowledged.add(certificate.serial_number)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        for variant in range(3):
            assert [status(server, authority, one) for one in certificates] == ["REVOKED"] * len(certificates), variant
    assert wrong == [] and answered[0] > 100


def test_revoke_mistakes(authority):
    good = authority.issue("good.example")
    authority.record(good)
    authority.configure()
    authority.import_index()
    assert revoke(authority, authority.issue("never.example")).returncode == 1
    for words in (["--reason", "boredom"], ["--at", "yesterday"], ["--at", "2999-01-01T00:00:00Z"], ["--bogus"]):
        result = revoke(authority, good, *words)
        assert result.returncode == 2 and "usage:" in result.stderr
    config = authority.path("avouch.json5")
    assert run("revoke", "--config", config, "--issuer", "nobody", "--serial", "01").returncode == 1
    assert run("revoke", "--config", config, "--issuer", "interop", "--serial", "xyz").returncode == 2
    result = revoke(authority, good)
    assert result.returncode == 0 and "no responder is running" in result.stdout


def test_status_writes_nothing(authority):
    authority.record(authority.issue("good.example"))
    authority.configure()
    authority.import_index()
    path = authority.path("avouch.json5")
    settings = json.loads(path.read_text())
    settings["issuers"].append({**settings["issuers"][0], "name": "other"})
    path.write_text(json.dumps(settings))
    store = authority.path("avouch.sqlite")
    before = store.read_bytes()
    result = run("status", "--config", path, "--issuer", "other", "--serial", "01")
    assert result.returncode == 1 and "not on record" in result.stdout, result.stderr
    assert run("status", "--config", path, "--issuer", "interop", "--serial", "01").returncode == 1
    assert store.read_bytes() == before and not authority.path("avouch.sqlite-wal").exists()
    store.unlink()
    result = run("status", "--config", path, "--issuer", "interop", "--serial", "01")
    assert result.returncode == 1 and "avouch.sqlite" in result.stderr and not store.exists()


def test_kill_loses_no_acknowledged_revocation(authority):
    """kill -9 of the responder and of the command at any instant; what was acknowledged is there afterwards."""
    certificates = [authority.issue(f"c{number}.example") for number in range(12)]
    for certificate in certificates:
        authority.record(certificate)
    authority.configure()
    authority.import_index()
    acknowledged = []
    for certificate in certificates:
        with authority.serve() as server:
            killer = threading.Timer(0.003 * certificates.index(certificate), server.process.kill)
            killer.start()
            result = revoke(authority, certificate)
            killer.join()
            if "is revoked" in result.stdout:
                acknowledged.append(certificate)
            server.process.wait(avouch.PATIENCE)
    assert len(acknowledged) == len(certificates)
    with authority.serve() as server:
        for certificate in certificates:
            assert status(server, authority, certificate) == "REVOKED"


# Serving

def test_restart_signs_nothing_again(authority):
    certificates = [authority.issue(f"c{number}.example") for number in range(5)]
    for certificate in certificates:
        authority.record(certificate)
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        assert "0 answers loaded, 5 signed" in "".join(server.output)
        before = [server.post(ocsp.request(one, authority.certificate)).body for one in certificates]
        assert server.stop() == 0
    with authority.serve() as server:
        assert "5 answers loaded, 0 signed" in "".join(server.output)
        assert [server.post(ocsp.request(one, authority.certificate)).body for one in certificates] == before
    # Another responder certificate: the old answers are there at once, and replaced in the background.
    authority.responder = authority.issue_responder(authority.responder_key, days=60)
    authority.write("responder.pem", authority.responder)
    with authority.serve() as server:
        assert "5 answers loaded, 0 signed" in "".join(server.output)
        for one in certificates:
            wait_for_responder(server, authority, one)
            assert status(server, authority, one) == "GOOD"


def wait_for_responder(server, authority, certificate):
    """Asks until the answer is of the authority's present responder certificate."""
    def is_new():
        body = server.post(ocsp.request(certificate, authority.certificate)).body
        return cocsp.load_der_ocsp_response(body).certificates == [authority.responder]
    avouch.wait_until(is_new)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_import_and_undoes_it(authority, number):
    authority.configure()
    os.mkfifo(authority.path("slow.csv"))
    process = subprocess.Popen(
        [avouch.BINARY, "import", "--config", authority.path("avouch.json5"), "--issuer", "interop", "--csv",
         authority.path("slow.csv")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # Opens once the command reads: it waits for more from then on.
    with open(authority.path("slow.csv"), "w") as file:
        file.write("serial\n01\n")
        file.flush()
        process.send_signal(number)
        assert process.wait(avouch.PATIENCE) == -number
    shown = run("status", "--config", authority.path("avouch.json5"), "--issuer", "interop", "--serial", "01")
    assert shown.returncode == 1 and "not on record" in shown.stdout


@pytest.mark.parametrize("time", ["2199-01-01T00:00:00Z", "1949-12-31T23:59:59Z", "0000-01-01T00:00:00Z"])
def test_import_refuses_times_at_which_nothing_can_have_been_revoked(authority, time):
    authority.configure()
    authority.path("a.csv").write_text(f"serial,status,revokedAt\n01,good,\n0ABC,revoked,{time}\n")
    refused = import_file(authority, "--csv", authority.path("a.csv"))
    assert refused.returncode == 1 and "a.csv" in refused.stderr and "0ABC" in refused.stderr
    shown = run("status", "--config", authority.path("avouch.json5"), "--issuer", "interop", "--serial", "01")
    assert shown.returncode == 1 and "not on record" in shown.stdout


def test_revoke_keeps_to_the_programmes_reasons(authority):
    good = authority.issue("good.example")
    authority.record(good)
    authority.configure()
    authority.import_index()

    def revoke(reason):
        return run("revoke", "--config", authority.path("avouch.json5"), "--issuer", "interop", "--serial",
                   f"{good.serial_number:X}", "--reason", reason)
    for reason in ("certificateHold", "aaCompromise"):
        refused = revoke(reason)
        assert refused.returncode == 2 and "TLS BR" in refused.stderr and "publicProgramme: false" in refused.stderr
    authority.configure(publicProgramme=False)
    assert revoke("certificateHold").returncode == 0
    authority.configure()
    assert revoke("superseded").returncode == 0


def test_sighup_rolls_over_to_a_new_responder_certificate(authority):
    certificates = [authority.issue(f"c{number}.example") for number in range(5)]
    for certificate in certificates:
        authority.record(certificate)
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        old = authority.responder
        # A broken configuration changes nothing.
        authority.path("avouch.json5").write_text("{ issuers: [{ name: 'interop' }] }")
        server.process.send_signal(signal.SIGHUP)
        avouch.wait_until(lambda: "stays in force" in "".join(server.errors))
        assert status(server, authority, certificates[0]) == "GOOD"
        # A new certificate and a new key.
        key = KEYS["p256"]()
        certificate = authority.responder = authority.issue_responder(key)
        authority.write("responder.pem", certificate)
        authority.write("responder.key", key)
        authority.configure(maxAge="10m")
        server.process.send_signal(signal.SIGHUP)
        for one in certificates:
            wait_for_responder(server, authority, one)
            answer = server.get(base64_target(ocsp.request(one, authority.certificate)))
            assert "max-age=600" in answer.headers["cache-control"]
        live = server.post(ocsp.request(certificates[0], authority.certificate, nonce=b"n" * 32)).body
        assert cocsp.load_der_ocsp_response(live).certificates == [certificate] != [old]
        assert status(server, authority, certificates[1]) == "GOOD"


def test_sigterm_drains(authority):
    good = authority.issue("good.example")
    authority.record(good)
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        kept = server.connect()
        kept.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200 OK" in kept.recv(4096)
        half = server.connect()
        half.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n")
        half.settimeout(avouch.PATIENCE)
        body = ocsp.request(good, authority.certificate)
        open_request = server.connect()
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        open_request.sendall(head + body[:10])
        # The answer to this one shows that the workers have read what was sent before.
        assert server.get("/").status == 200
        server.process.send_signal(signal.SIGTERM)
        assert read_all(kept) == b""
        open_request.sendall(body[10:])
        answer = Answer(read_all(open_request))
        ocsp.verified(answer.body, authority.certificate, good)
        assert answer.headers["connection"] == "close"
        half.close()
        assert server.process.wait(avouch.PATIENCE) == 0
        with pytest.raises(OSError):
            server.connect()


def test_listens_on_ipv6_and_unix_sockets(authority):
    good = authority.issue("good.example")
    authority.record(good)
    path = authority.configure()
    settings = json.loads(path.read_text())
    settings["listen"] = ["[::1]:0", "unix:public.sock"]
    path.write_text(json.dumps(settings))
    authority.import_index()
    with authority.serve() as server:
        assert status(server, authority, good) == "GOOD"
        target = base64_target(ocsp.request(good, authority.certificate))
        result = subprocess.run(
            ["curl", "-sg", "--unix-socket", authority.path("public.sock"), "http://localhost" + target],
            capture_output=True, check=True)
        ocsp.verified(result.stdout, authority.certificate, good)
        for page, word in (("readyz", b'"ready":true'), ("healthz", b"alive"), ("metrics", b"avouch_requests_total{")):
            result = subprocess.run(
                ["curl", "-s", "--unix-socket", authority.path("control"), "http://localhost/" + page],
                capture_output=True, check=True)
            assert word in result.stdout
        # The control pages are not on the public port.
        assert server.get("/metrics").body == bytes.fromhex("30030a0101")


def test_two_responders_do_not_share_a_control_socket(authority):
    authority.configure()
    authority.import_index()
    with authority.serve():
        second = run("serve", "--config", authority.path("avouch.json5"))
        assert second.returncode == 1 and "serves from this store already" in second.stderr


def test_two_responders_do_not_share_a_port(authority):
    """With SO_REUSEPORT alone the second one would take half of the first one's clients."""
    good = authority.issue("good.example")
    authority.record(good)
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        own = json.loads(authority.path("avouch.json5").read_text())
        other = {**own, "store": "other.sqlite", "control": "unix:other.control",
                 "listen": [f"127.0.0.1:{server.address[1]}"]}
        authority.path("other.json5").write_text(json.dumps(other))
        second = run("serve", "--config", authority.path("other.json5"))
        assert second.returncode == 1 and "in use" in second.stderr
        assert status(server, authority, good) == "GOOD"


# Configuration

@pytest.mark.parametrize("change, words", [
    (dict(validity="10d"), ["issuers[0].validity", "7d", "publicProgramme: false"]),
    (dict(validity="6h"), ["issuers[0].validity", "8h"]),
    (dict(unissued="good"), ["issuers[0].unissued", "TLS BR 4.9.9"]),
    (dict(signer={"key": "ca.key"}), ["ca.key", "not the private key of"]),
    (dict(signer={"certificate": "ca.pem", "key": "ca.key"}), ["ca.pem", "OCSPSigning"]),
    (dict(signer={"key": "missing.key"}), ["missing.key", "No such file"]),
    (dict(signer={"key": "responder.pem"}), ["responder.pem", "no PEM private key"]),
    (dict(certificate="ca.key"), ["ca.key", "no certificate in it"]),
    (dict(signer={"padding": "pss"}), ["PSS padding is for RSA keys"]),
    (dict(nonces="echo"), ["issuers[0].nonces", "no such key"]),
])
def test_config_check_refuses(authority, change, words):
    path = authority.configure(**change)
    for command in (["config", "check", path], ["serve", "--config", path]):
        result = run(*command)
        assert result.returncode == 1
        for word in words:
            assert word in result.stderr, result.stderr


def test_config_check_of_signers(authority, tmp_path):
    path = authority.configure()
    result = run("config", "check", path)
    assert result.returncode == 0 and "fine" in result.stdout and "ECDSA P-256 with SHA-256" in result.stdout
    authority.write("responder.pem", authority.issue_responder(authority.responder_key, nocheck=False))
    result = run("config", "check", path)
    assert result.returncode == 0 and "nocheck is missing" in result.stderr
    authority.write("responder.pem", authority.issue_responder(
        authority.responder_key, usage=x509.oid.ExtendedKeyUsageOID.SERVER_AUTH))
    assert "OCSPSigning is missing" in run("config", "check", path).stderr
    authority.write("responder.pem", authority.issue_responder(authority.responder_key, days=-1))
    assert "is valid from" in run("config", "check", path).stderr
    other = Authority(tmp_path / "other", ca_name="Other CA")
    authority.path("responder.pem").write_bytes(other.path("responder.pem").read_bytes())
    authority.path("responder.key").write_bytes(other.path("responder.key").read_bytes())
    assert "not issued by" in run("config", "check", path).stderr


def test_encrypted_key(authority):
    secret = authority.responder_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"))
    authority.path("responder.key").write_bytes(secret)
    authority.path("password").write_text("open sesame\n")
    assert "encrypted" in run("config", "check", authority.configure()).stderr
    path = authority.configure(signer={"keyPasswordFile": "password"})
    assert run("config", "check", path).returncode == 0
    authority.path("password").write_text("wrong\n")
    result = run("config", "check", path)
    assert result.returncode == 1 and "does not open" in result.stderr and "wrong" not in result.stderr


def test_broken_databases_are_named(authority):
    path = authority.configure()
    authority.path("avouch.sqlite").write_bytes(b"no database at all" * 100)
    result = run("serve", "--config", path)
    assert result.returncode == 1 and "avouch.sqlite" in result.stderr
    authority.path("avouch.sqlite").unlink()
    with sqlite3.connect(authority.path("avouch.sqlite")) as database:
        database.execute("CREATE TABLE mine (id)")
    result = run("serve", "--config", path)
    assert result.returncode == 1 and "another program" in result.stderr
    result = run("revoke", "--config", path, "--issuer", "interop", "--serial", "01")
    assert result.returncode == 1 and "avouch.sqlite" in result.stderr


# The rest of the command line

def test_exit_codes_of_check(demo):
    issuer = demo.folder / "ca.pem"
    for options in ([], ["--get"], ["--nonce"], ["--hash", "sha256", "--get"]):
        code, answer = check(demo, issuer, "--cert", demo.folder / "good.pem", *options)
        assert (code, answer["status"], answer["verified"]) == (0, "good", True)
    for leaf, expected in (("revoked-superseded", "revoked"), ("unknown", "unknown")):
        code, answer = check(demo, issuer, "--cert", demo.folder / f"{leaf}.pem")
        assert (code, answer["status"], answer["verified"]) == (1, expected, True)
    serial = subprocess.run(["openssl", "x509", "-in", demo.folder / "good.pem", "-noout", "-serial"],
                            capture_output=True, text=True, check=True).stdout.strip().split("=")[1]
    assert check(demo, issuer, "--serial", serial)[0] == 0
    assert run("check", "--issuer", issuer, "--cert", demo.folder / "good.pem", "http://127.0.0.1:1").returncode == 1
    for words in ([], ["--issuer", issuer, demo.url], ["--issuer", issuer, "--serial", "zz", demo.url],
                  ["--issuer", issuer, "--serial", "1", "https://a"],
                  ["--issuer", issuer, "--serial", "1", "--hash", "md5", demo.url]):
        assert run("check", *words).returncode == 2


def test_check_tells_a_wrong_signature(demo, tmp_path):
    """Another CA of the same name cannot speak for it."""
    twin = Authority(tmp_path / "twin", ca_name="Interop CA")
    result = run("check", "--json", "--issuer", twin.path("ca.pem"), "--serial", "01", demo.url)
    assert result.returncode == 1 and json.loads(result.stdout)["ocspStatus"] == "unauthorized"


def test_help_on_every_level():
    assert run("--help").returncode == 0
    for words in ("demo", "serve", "import", "revoke", "status", "check", "config", "config check"):
        command = words.split()
        result = run(*command, "--help")
        assert result.returncode == 0 and result.stdout.startswith("usage: avouch " + command[0])
    assert run().returncode == 2
    assert run("dance").returncode == 2


def test_demo_reuses_its_folder(tmp_path):
    folder = tmp_path / "demo"
    with avouch.Server("demo", "--dir", folder, "--port", "0") as server:
        first = (folder / "ca.pem").read_bytes()
        assert "made a demo CA" in "".join(server.output)
        assert server.stop(signal.SIGINT) == 0
    with avouch.Server("demo", "--dir", folder, "--port", "0") as server:
        assert "using the demo CA" in "".join(server.output)
        assert (folder / "ca.pem").read_bytes() == first
        assert "6 answers loaded, 0 signed" in "".join(server.output)
    for key in ("ca.key", "responder.key"):
        assert (folder / key).stat().st_mode & 0o077 == 0


def test_readme_commands(demo):
    """The README's second terminal, as it stands there, from the folder that holds `demo`."""
    text = (ROOT / "README.md").read_text().split(": commands -->")[1].split("<!-- end of commands")[0]
    script = "\n".join(block.split("```")[0] for block in text.split("```sh\n")[1:])
    assert script.count("openssl ocsp") == 3 and script.count("avouch check") == 3
    script = script.replace("http://127.0.0.1:8080", demo.url).replace("../.build/release/avouch", avouch.BINARY)
    result = subprocess.run(["bash", "-c", script], cwd=demo.folder.parent, capture_output=True, text=True, timeout=60)
    output = result.stdout
    for line in ("good.pem: good", "revoked-keyCompromise.pem: revoked", "unknown.pem: unknown"):
        assert line in output
    assert result.stderr.count("Response verify OK") == 3
    for line in ("status         GOOD", "status         REVOKED", "status         UNKNOWN"):
        assert line in output
    assert output.count("verified       yes") == 3


def test_nothing_is_said_of_the_future(authority):
    """A certificate revoked as of long ago keeps that time."""
    good = authority.issue("good.example")
    authority.record(good)
    authority.configure()
    authority.import_index()
    assert revoke(authority, good, "--at", "2026-01-02T03:04:05Z", "--reason", "keyCompromise").returncode == 0
    with authority.serve() as server:
        body = server.post(ocsp.request(good, authority.certificate)).body
        response = ocsp.verified(body, authority.certificate, good)
        assert response.revocation_time_utc == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        assert response.certificate_status == cocsp.OCSPCertStatus.REVOKED


