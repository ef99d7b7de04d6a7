"""CRLs that are watched: openssl writes them, web servers give them out, and `openssl ocsp` sees what becomes of it."""
import datetime
import http.client
import json
import signal
import socket
import sqlite3
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import avouch
import exposition
from authority import NOW, Authority
from avouch import run, wait_until
from crl_server import CRLServer
from openssl_ca import OpenSSLCA


class Watched(OpenSSLCA):
    """A CA of openssl, and a responder for it that watches its CRLs."""

    def configure(self, *sources, **crl):
        self.path("avouch.json5").write_text(json.dumps({
            "listen": ["127.0.0.1:0"], "control": "unix:control", "cache": {"memory": "4MiB"},
            "issuers": [{"name": "openssl", "certificate": "ca.pem", "signer": {"key": "ca.key"},
                         "publicProgramme": False, "crl": {"sources": sources, "interval": "1s", **crl}}]}))
        return self.path("avouch.json5")

    def take_index(self):
        result = run("import", "--config", self.path("avouch.json5"), "--issuer", "openssl",
                     "--index", self.path("index.txt"))
        assert result.returncode == 0, result.stderr

    def serve(self, **options):
        server = avouch.Server("serve", "--config", self.path("avouch.json5"), **options)
        server.control = self.path("control")
        return server

    def revision(self):
        with sqlite3.connect(self.path("avouch.sqlite")) as database:
            return database.execute("SELECT revision FROM state").fetchone()[0]


def metrics(watched):
    return exposition.read(control(watched, "/metrics")[1])


def reads(watched, result):
    return metrics(watched)[f'avouch_crl_reads_total{{issuer="openssl",result="{result}"}}']


def control(watched, target):
    """Status and body from the control socket."""
    class Connection(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(avouch.PATIENCE)
            self.sock.connect(str(watched.path("control")))

    connection = Connection("localhost")
    connection.request("GET", target)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def has_logged(server, *words):
    return any(all(word in line for word in words) for line in server.errors)


@pytest.fixture
def watched(tmp_path):
    """With two certificates that its index knows."""
    authority = Watched(tmp_path / "ca")
    for name in ("one", "two"):
        authority.issue(name)
    return authority


def test_openssl_writes_a_crl_and_its_ocsp_client_sees_it(watched, stack):
    watched.configure("ca.crl", maximumAge="1d")
    watched.crl()
    watched.take_index()
    server = stack.enter_context(watched.serve())
    assert watched.ask(server, "one") == "good"
    watched.revoke("one")
    watched.revoke("two", "certificateHold")
    watched.crl()
    wait_until(lambda: watched.ask(server, "two") == "revoked")
    assert watched.ask(server, "one") == "revoked"
    # What the CA takes off hold is good again; what it forgets otherwise stays revoked.
    watched.lift_hold()
    watched.crl()
    wait_until(lambda: watched.ask(server, "two") == "good")
    watched.path("index.txt").write_text("")
    watched.crl()
    wait_until(lambda: metrics(watched)['avouch_crl_number{issuer="openssl"}'] == 4)
    assert watched.ask(server, "one") == "revoked"
    before = watched.revision()
    assert server.stop() == 0
    # A restart reads it again, and finds nothing new.
    server = stack.enter_context(watched.serve())
    wait_until(lambda: has_logged(server, "number 4", "nothing new"))
    assert watched.revision() == before and watched.ask(server, "one") == "revoked"


def test_a_url_is_asked_for_what_is_new_over_one_connection(watched, stack):
    web = stack.enter_context(CRLServer(watched.der()))
    watched.configure(web.url)
    watched.take_index()
    server = stack.enter_context(watched.serve())
    wait_until(lambda: reads(watched, "not_modified") >= 2)
    before = watched.revision()
    assert "If-None-Match" not in web.requests[0][1]
    assert all(headers["If-None-Match"] == web.entity_tag for _, headers in web.requests[1:])
    assert len({address for address, _ in web.requests}) == 1
    assert reads(watched, "unchanged") == 1 and watched.revision() == before
    watched.revoke("one")
    web.body = watched.der()
    wait_until(lambda: watched.ask(server, "one") == "revoked")
    page = metrics(watched)
    assert page['avouch_crl_entries{issuer="openssl"}'] == 1 and page['avouch_crl_number{issuer="openssl"}'] == 2
    assert page['avouch_crl_age_seconds{issuer="openssl"}'] < 60
    assert page['avouch_crl_failures_total{issuer="openssl"}'] == 0
    assert control(watched, "/readyz")[0] == 200


def test_what_is_wrong_changes_nothing_and_heals(watched, stack):
    first = watched.der()
    web = stack.enter_context(CRLServer(first))
    watched.configure(web.url, maximumSize="64KiB")
    watched.take_index()
    server = stack.enter_context(watched.serve())
    wait_until(lambda: reads(watched, "unchanged") == 1)
    second = watched.der()
    web.body = second
    wait_until(lambda: reads(watched, "unchanged") == 2)
    before = watched.revision()

    def fails(*words, result):
        count = reads(watched, result)
        wait_until(lambda: has_logged(server, web.url, *words))
        wait_until(lambda: reads(watched, result) > count)
        status, text = control(watched, "/readyz")
        assert status == 200 and any(web.url in one for one in json.loads(text)["warnings"]), text

    web.body = first
    fails("older than the one before", result="refused")
    watched.revoke("one")
    good = watched.der()
    web.body = good[:-1] + bytes([good[-1] ^ 1])
    fails("the signature is not that of", result="refused")
    web.body = b"<html>not found</html>"
    fails("expected DER, or PEM", result="refused")
    web.body = good + bytes(65536)
    fails("larger than 65536 octets", result="unavailable")
    web.status = 503
    fails("the server says 503", result="unavailable")
    web.status, web.location = None, "/ca.crl"
    fails("redirects", result="unavailable")
    web.location, web.is_endless = None, True
    fails("larger than 65536 octets", result="unavailable")
    # What libcurl and two sockets had in hand, and no more.
    assert web.sent < 64 << 20
    assert watched.revision() == before and watched.ask(server, "one") == "good"
    web.is_endless, web.body = False, good
    wait_until(lambda: watched.ask(server, "one") == "revoked")
    wait_until(lambda: json.loads(control(watched, "/readyz")[1])["warnings"] == [])


def test_a_server_that_is_killed_and_comes_back(watched, stack):
    with CRLServer(watched.der()) as web:
        watched.configure(web.url)
        watched.take_index()
        server = stack.enter_context(watched.serve())
        wait_until(lambda: reads(watched, "unchanged") == 1)
    wait_until(lambda: reads(watched, "unavailable") >= 1)
    assert has_logged(server, web.url) and watched.ask(server, "one") == "good"
    watched.revoke("one")
    with CRLServer(watched.der(), port=web.port):
        wait_until(lambda: watched.ask(server, "one") == "revoked")
        assert has_logged(server, "can be read again")


def test_a_server_that_does_not_answer_holds_up_no_other(watched, stack):
    hanging = [stack.enter_context(CRLServer()) for _ in range(3)]
    for web in hanging:
        web.hangs = True
    good = stack.enter_context(CRLServer(watched.der()))
    watched.configure(*[web.url for web in hanging], good.url, "ca.crl")
    watched.take_index()
    server = stack.enter_context(watched.serve())
    wait_until(lambda: all(web.requests for web in hanging) and len(good.requests) >= 2)
    watched.revoke("one")
    good.body = watched.der()
    wait_until(lambda: watched.ask(server, "one") == "revoked")
    watched.revoke("two")
    watched.crl()
    wait_until(lambda: watched.ask(server, "two") == "revoked")
    # Nor the end of the program.
    assert server.stop() == 0


def test_https_is_verified_and_never_left_for_http(watched, stack, tmp_path):
    other = Authority(tmp_path / "other")
    other.issue_server("127.0.0.1", NOW + datetime.timedelta(days=30))
    plain = stack.enter_context(CRLServer(watched.der()))
    web = stack.enter_context(
        CRLServer(watched.der(), certificate=(other.path("server.pem"), other.path("server.key"))))
    watched.configure(web.url)
    watched.take_index()
    server = stack.enter_context(watched.serve())
    wait_until(lambda: has_logged(server, web.url, "certificate"))
    assert not web.requests
    watched.configure(web.url, authority=str(other.path("ca.pem")))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: reads(watched, "unchanged") == 1)
    count = reads(watched, "unavailable")
    web.location = plain.url
    wait_until(lambda: reads(watched, "unavailable") > count)
    assert not plain.requests
    web.location = web.url + "?moved"
    wait_until(lambda: has_logged(server, "edirect"))


def test_an_age_that_is_too_great_is_told_instead_of_an_answer(watched, stack):
    watched.configure("ca.crl", maximumAge="1h")
    watched.take_index()
    server = stack.enter_context(watched.serve(until="serving"))
    wait_until(lambda: "trylater" in watched.ask(server, "one"))
    status, text = control(watched, "/readyz")
    assert status == 503 and "'openssl': no CRL has been read" in text
    watched.crl()
    wait_until(lambda: watched.ask(server, "one") == "good")
    wait_until(lambda: control(watched, "/readyz")[0] == 200)
    assert metrics(watched)['avouch_requests_total{result="withheld"}'] >= 1
    assert server.stop() == 0
    # One of two hours ago, as after a CA that has been down.
    old = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=2)).strftime("%Y%m%d%H%M%SZ")
    watched.revoke("two")
    watched.crl("-crl_lastupdate", old)
    server = stack.enter_context(watched.serve(until="serving"))
    wait_until(lambda: has_logged(server, "crl.maximumAge is 3600 s"))
    for name in ("one", "two"):
        assert "trylater" in watched.ask(server, name)
    assert control(watched, "/readyz")[0] == 503
    watched.crl()
    wait_until(lambda: watched.ask(server, "two") == "revoked")
    assert watched.ask(server, "one") == "good"


def test_a_reload_takes_sources_into_force(watched, stack):
    watched.configure("ca.crl")
    watched.crl()
    watched.take_index()
    server = stack.enter_context(watched.serve())
    watched.revoke("one")
    watched.crl(name="other.crl")
    watched.configure("other.crl")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: watched.ask(server, "one") == "revoked")
    watched.configure("ldap://a/b")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: has_logged(server, "stays in force"))
    watched.revoke("two")
    watched.crl(name="other.crl")
    wait_until(lambda: watched.ask(server, "two") == "revoked")


def test_a_list_is_taken_whole_or_not_at_all_by_a_program_that_is_killed(tmp_path, stack):
    authority = Authority(tmp_path / "ca")
    authority.configure(presign=[], crl={"sources": ["ca.crl"]})
    builder = (x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
               .last_update(NOW).next_update(NOW + datetime.timedelta(days=7)).add_extension(x509.CRLNumber(1), False))
    count = 20_000
    entry = x509.RevokedCertificateBuilder().revocation_date(NOW)
    for number in range(count):
        builder = builder.add_revoked_certificate(entry.serial_number(number + 1).build())
    octets = builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def recorded():
        with sqlite3.connect(authority.path("avouch.sqlite")) as database:
            return database.execute("SELECT count(*) FROM certificates").fetchone()[0]

    for delay in (0.01, 0.1, 0.3, 0.6):
        authority.path("ca.crl").unlink(missing_ok=True)
        server = stack.enter_context(authority.serve())
        authority.path("new.crl").write_bytes(octets)
        authority.path("new.crl").rename(authority.path("ca.crl"))
        # Whatever it is doing then.
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(delay)
        server.stop(signal.SIGKILL)
        assert recorded() in (0, count)
    server = stack.enter_context(authority.serve())
    wait_until(lambda: recorded() == count)
    assert server.stop() == 0


def test_a_delta_goes_over_its_base(tmp_path, stack):
    authority = Authority(tmp_path / "ca")
    held, revoked = authority.issue("held.example"), authority.issue("revoked.example")
    authority.record(held)
    authority.record(revoked)

    def crl(file, number, entries, base=None):
        moment = NOW - datetime.timedelta(minutes=10 - number)
        builder = (x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
                   .last_update(moment).next_update(NOW + datetime.timedelta(days=7))
                   .add_extension(x509.CRLNumber(number), False))
        if base is not None:
            builder = builder.add_extension(x509.DeltaCRLIndicator(base), True)
        for certificate, reason in entries:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(moment)
                .add_extension(x509.CRLReason(x509.ReasonFlags[reason]), False).build())
        octets = builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        authority.path(file + ".new").write_bytes(octets)
        authority.path(file + ".new").rename(authority.path(file))

    authority.configure(publicProgramme=False, crl={"sources": ["ca.crl", "delta.crl"]})
    authority.import_index()

    def status(certificate):
        return avouch.check(server, authority.path("ca.pem"), "--cert", authority.path(certificate))[1]["status"]

    crl("delta.crl", 2, [(held, "remove_from_crl"), (revoked, "superseded")], base=1)
    server = stack.enter_context(authority.serve())
    wait_until(lambda: has_logged(server, "delta.crl", "complete CRL number 1"))
    assert status("revoked.example.pem") == "good"
    crl("ca.crl", 1, [(held, "certificate_hold")])
    wait_until(lambda: status("revoked.example.pem") == "revoked")
    assert status("held.example.pem") == "good"
    crl("delta.crl", 3, [(held, "key_compromise"), (revoked, "superseded")], base=1)
    wait_until(lambda: status("held.example.pem") == "revoked")


def test_config_check_looks_at_sources(watched, tmp_path):
    def check(*sources, **crl):
        result = run("config", "check", watched.configure(*sources, **crl))
        return result.returncode, result.stderr

    watched.crl()
    assert check("ca.crl", "http://a.example/ca.crl") == (0, "")
    code, text = check("later.crl")
    assert code == 0 and "warning" in text and "later.crl" in text and "when it appears" in text
    code, text = check("nowhere/ca.crl")
    assert code == 1 and "'openssl', crl.sources" in text and "no folder" in text
    code, text = check("ca.pem")
    assert code == 1 and "BEGIN X509 CRL" in text
    other = OpenSSLCA(tmp_path / "other", subject="/CN=Other CA")
    code, text = check(str(other.crl()))
    assert code == 1 and "another issuer" in text
    code, text = check("ca.crl", maximumSize="1KiB")
    assert code == 0, text
    code, text = check("https://a.example/", authority="missing.pem")
    assert code == 1 and "crl.authority" in text and "missing.pem" in text
    code, text = check("ftp://a.example/")
    assert code == 1 and "issuers[0].crl.sources" in text and "[0]" in text
