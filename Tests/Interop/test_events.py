"""A CA's events: signed by the reference implementation of Standard Webhooks, seen in the answers that follow."""
import datetime
import http.client
import json
import os
import random
import re
import signal
import socket
import sqlite3
import ssl
import threading
import time

import pytest

import ocsp
from authority import DAY, KEYS, NOW, Authority
from avouch import PATIENCE, read_all, run, wait_until
from events import PATH, Sender, event, new_secret, now, receive, receiver_of


@pytest.fixture
def ca(authority, stack):
    """A CA whose events are received, running."""
    authority.good = authority.issue("good.example")
    authority.record(authority.good)
    authority.configure(publicProgramme=False)
    authority.secret = new_secret()
    receive(authority, authority.secret)
    authority.import_index()
    authority.server = stack.enter_context(authority.serve())
    authority.sender = Sender(authority.server, authority.secret)
    stack.callback(authority.sender.close)
    return authority


def serial(certificate):
    return f"{certificate.serial_number:X}"


def status(ca, certificate, algorithm="sha1"):
    """What the answer says: good, revoked, or the error's name."""
    answer = ca.server.post(ocsp.request(certificate, ca.certificate, algorithm))
    response = ocsp.parse(answer.body)
    if response.response_status.name != "SUCCESSFUL":
        return response.response_status.name.lower()
    return ocsp.verified(answer.body, ca.certificate, certificate, algorithm).certificate_status.name.lower()


def said(ca, certificate):
    return ocsp.verified(
        ca.server.post(ocsp.request(certificate, ca.certificate)).body, ca.certificate, certificate)


def counted(ca, result, of="events"):
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(ca.path("control")))
        control.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = read_all(control).partition(b"\r\n\r\n")[2].decode()
    return re.search(rf'^avouch_{of}_total{{result="{result}"}} (\d+)$', text, re.MULTILINE)[1]


# What events do

def test_a_revocation_is_in_force_when_it_is_acknowledged(ca):
    assert status(ca, ca.good) == "good" and status(ca, ca.good, "sha256") == "good"
    at = NOW - datetime.timedelta(hours=3)
    code, _, said_of_it = ca.sender.send(
        event("revoked", serial=serial(ca.good), reason="keyCompromise", revokedAt=at.isoformat()))
    assert (code, said_of_it["changed"], said_of_it["unchanged"]) == (200, 1, 0)
    # At once: nothing is waited for, whatever hash is asked with.
    assert status(ca, ca.good) in ("revoked", "try_later")
    wait_until(lambda: status(ca, ca.good) == "revoked")
    wait_until(lambda: status(ca, ca.good, "sha256") == "revoked")
    response = said(ca, ca.good)
    assert response.revocation_reason.name == "key_compromise"
    assert response.revocation_time_utc == at


def test_a_certificate_that_is_issued_is_answered_for_at_once(ca):
    new = ca.issue("new.example")
    assert status(ca, new) == "unauthorized"
    code, _, said_of_it = ca.sender.send(
        event("issued", serial=serial(new), notAfter=new.not_valid_after_utc.isoformat()))
    assert (code, said_of_it["changed"]) == (200, 1)
    wait_until(lambda: status(ca, new) == "good")


def test_a_hold_is_lifted_and_a_revocation_is_not(ca):
    ca.sender.send(event("revoked", serial=serial(ca.good), reason="certificateHold"))
    wait_until(lambda: status(ca, ca.good) == "revoked")
    assert ca.sender.send(event("released", serial=serial(ca.good)))[0] == 200
    wait_until(lambda: status(ca, ca.good) == "good")
    ca.sender.send(event("revoked", serial=serial(ca.good), reason="superseded"))
    code, headers, problem = ca.sender.send(event("released", serial=serial(ca.good)))
    assert code == 409 and headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == 409 and "superseded" in problem["detail"]
    wait_until(lambda: status(ca, ca.good) == "revoked")
    code, _, problem = ca.sender.send(event("released", serial="1234567890"))
    assert code == 409 and "never issued" in problem["detail"]


def test_many_in_one_event_and_all_or_nothing(ca):
    several = [ca.issue(f"{number}.example") for number in range(5)]
    rows = [{"serial": serial(one), "notAfter": one.not_valid_after_utc.isoformat()} for one in several]
    assert ca.sender.send(event("issued", certificates=rows))[2]["changed"] == 5
    wait_until(lambda: all(status(ca, one) == "good" for one in several))
    rows = [{"serial": serial(one)} for one in several]
    code, _, problem = ca.sender.send(event("revoked", certificates=[*rows, {"serial": "no"}]))
    assert code == 400 and problem["field"] == "data.certificates[5].serial"
    assert all(status(ca, one) == "good" for one in several)
    assert ca.sender.send(event("revoked", certificates=rows))[2]["changed"] == 5
    wait_until(lambda: all(status(ca, one) == "revoked" for one in several))


def test_a_compromised_issuer_has_nothing_good_left(ca):
    code, _, said_of_it = ca.sender.send(event("issuer.compromised"))
    assert (code, said_of_it["changed"]) == (200, 1)
    wait_until(lambda: status(ca, ca.good) == "revoked")
    assert said(ca, ca.good).revocation_reason.name == "ca_compromise"


def test_a_cloud_event_says_the_same(ca):
    plain = event("revoked", serial=serial(ca.good))
    cloud = {"specversion": "1.0", "id": "17", "source": "/ca", "type": plain["type"], "time": plain["timestamp"],
             "data": plain["data"]}
    assert ca.sender.send(cloud)[0] == 200
    wait_until(lambda: status(ca, ca.good) == "revoked")


def test_the_same_message_again_changes_nothing_and_is_answered_alike(ca):
    message = event("revoked", serial=serial(ca.good), reason="certificateHold")
    first = ca.sender.send(message, "msg_one")
    assert ca.sender.send(event("released", serial=serial(ca.good)))[0] == 200
    # Sent again long after, by a queue that never heard the answer.
    again = ca.sender.send(message, "msg_one")
    assert (again[0], again[2]) == (first[0], first[2]) == (200, first[2])
    wait_until(lambda: status(ca, ca.good) == "good")
    code, _, problem = ca.sender.send(event("revoked", serial=serial(ca.good)), "msg_one")
    assert code == 409 and problem["field"] == "webhook-id"
    assert status(ca, ca.good) == "good"


def test_it_is_remembered_over_a_restart(ca):
    message = json.dumps(event("revoked", serial=serial(ca.good)))
    first = ca.sender.send(message, "msg_one")
    ca.sender.close()
    assert ca.server.stop() == 0
    with ca.serve() as ca.server:
        sender = Sender(ca.server, ca.secret)
        assert sender.send(message, "msg_one")[2] == first[2]
        assert status(ca, ca.good) == "revoked"
        sender.close()


def test_a_store_of_an_older_version_is_taken_over(ca):
    """Its events have no memory of what a message did, and no cache is told of anything."""
    ca.sender.close()
    assert ca.server.stop() == 0
    with sqlite3.connect(ca.path("avouch.sqlite")) as database:
        for table in ("purges", "purge_caches", "purge_unissued"):
            database.execute(f"DROP TABLE {table}")
        database.execute("ALTER TABLE state DROP COLUMN purging")
        database.execute("DROP INDEX events_by_message")
        database.execute("ALTER TABLE issuers DROP COLUMN compromised_since")
        for column in ("digest", "changed", "unchanged"):
            database.execute(f"ALTER TABLE events DROP COLUMN {column}")
        database.execute("PRAGMA user_version = 3")
    with ca.serve() as ca.server:
        sender = Sender(ca.server, ca.secret)
        first = sender.send(message := json.dumps(event("revoked", serial=serial(ca.good))), "1")
        assert first[0] == 200 and sender.send(message, "1")[2] == first[2]
        wait_until(lambda: status(ca, ca.good) == "revoked")
        sender.close()


# What is refused

def revision(ca):
    with sqlite3.connect(f"file:{ca.path('avouch.sqlite')}?mode=ro", uri=True) as database:
        return database.execute("SELECT revision FROM state").fetchone()[0]


def test_forgeries(ca):
    before = revision(ca)
    body = json.dumps(event("revoked", serial=serial(ca.good)))
    genuine = ca.sender.headers(body)
    other = Sender(ca.server, new_secret())
    assert other.send(body)[0] == 401
    for field in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        others = {name: value for name, value in genuine.items() if name != field}
        code, _, problem = ca.sender.send(body, headers=others)
        assert code == 401 and field in problem["detail"]
    for change in ({"webhook-id": genuine["webhook-id"] + "x"}, {"webhook-timestamp": str(int(time.time()) - 1)},
                   {"webhook-timestamp": "soon"}, {"webhook-timestamp": "-1"}, {"webhook-signature": "v1,"},
                   {"webhook-signature": "v1a,AAAA"}, {"webhook-signature": "v2," + genuine["webhook-signature"][3:]}):
        assert ca.sender.send(body, headers={**genuine, **change})[0] == 401, change
    changed = body.replace(serial(ca.good), serial(ca.good)[:-1] + "0")
    assert ca.sender.send(changed, headers=genuine)[0] == 401
    assert revision(ca) == before
    assert status(ca, ca.good) == "good"
    assert counted(ca, "bad_signature") != "0" and counted(ca, "unsigned") != "0" and counted(ca, "taken") == "0"
    assert ca.sender.send(body, headers=genuine)[0] == 200
    assert counted(ca, "taken") == "1"


def test_old_messages_and_those_from_the_future(ca):
    body = json.dumps(event("revoked", serial=serial(ca.good)))
    for seconds in (-310, 310):
        code, _, problem = ca.sender.send(body, time=now() + datetime.timedelta(seconds=seconds))
        assert code == 401 and "webhook-timestamp" in problem["detail"]
    assert status(ca, ca.good) == "good"
    assert ca.sender.send(body, time=now() - datetime.timedelta(seconds=280))[0] == 200


def test_a_secret_speaks_for_its_own_issuers_alone(authority, stack, tmp_path):
    other = Authority(tmp_path / "other", ca_name="Other CA")
    authority.configure()
    secrets = [new_secret(), new_secret()]
    receive(authority, secrets[0])
    path = authority.path("avouch.json5")
    settings = json.loads(path.read_text())
    authority.path("other-secrets").write_text(secrets[1])
    authority.path("other-secrets").chmod(0o600)
    settings["issuers"].append({
        "name": "other", "certificate": str(other.path("ca.pem")), "events": {"secretFiles": ["other-secrets"]},
        "signer": {"certificate": str(other.path("responder.pem")), "key": str(other.path("responder.key"))}})
    path.write_text(json.dumps(settings))
    server = stack.enter_context(authority.serve())
    first, second = (Sender(server, secret) for secret in secrets)
    code, _, problem = first.send(event("issued", "other", serial="01"))
    assert code == 403 and problem["field"] == "data.issuer"
    # Nobody learns which issuers there are.
    code, _, nobody = first.send(event("issued", "nobody", serial="01"))
    assert code == 403 and nobody["detail"].replace("nobody", "other") == problem["detail"]
    assert first.send(event("issued", "interop", serial="01"))[0] == 200
    assert second.send(event("issued", "other", serial="01"))[0] == 200
    # Two CAs may give their messages the same names.
    assert first.send(event("issued", "interop", serial="02"), "1")[0] == 200
    assert second.send(event("issued", "other", serial="02"), "1")[0] == 200


def test_programmes_forbid_holds(authority, stack):
    authority.configure()
    secret = new_secret()
    receive(authority, secret)
    server = stack.enter_context(authority.serve())
    code, _, problem = Sender(server, secret).send(event("revoked", serial="01", reason="certificateHold"))
    assert code == 400 and problem["field"] == "data.reason" and "TLS BR" in problem["detail"]


@pytest.mark.parametrize("method, target, code", [
    ("GET", PATH, 405), ("PUT", PATH, 405), ("POST", "/", 404), ("POST", "/v1/events/x", 404),
    ("POST", "/v1/eventsx", 404)])
def test_other_doors(ca, method, target, code):
    assert ca.sender.send("{}", method=method, target=target)[0] == code


def test_the_public_port_takes_no_events(ca):
    body = json.dumps(event("revoked", serial=serial(ca.good)))
    headers = [f"{name}: {value}" for name, value in ca.sender.headers(body).items()]
    answer = ca.server.post(body.encode(), *headers, target=PATH)
    assert ocsp.parse(answer.body).response_status.name != "SUCCESSFUL"
    assert status(ca, ca.good) == "good"


def test_bodies_over_the_bound_and_slow_senders(ca, stack):
    host, port = receiver_of(ca.server)
    connection = stack.enter_context(socket.create_connection((host, port), PATIENCE))
    # A gigabyte is announced: it is refused before it comes.
    connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
    assert b" 413 " in connection.recv(4096).split(b"\r\n")[0]
    chunked = stack.enter_context(socket.create_connection((host, port), PATIENCE))
    chunked.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        for _ in range(64):
            chunked.sendall(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
    except OSError:
        pass
    # A slow one keeps nobody waiting.
    slow = stack.enter_context(socket.create_connection((host, port), PATIENCE))
    slow.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert ca.sender.send(event("issued", serial="01"))[0] == 200


def test_more_senders_than_may_connect(authority, stack):
    authority.configure()
    secret = new_secret()
    receive(authority, secret, connections=4)
    server = stack.enter_context(authority.serve())
    idle = [stack.enter_context(socket.create_connection(receiver_of(server), PATIENCE)) for _ in range(8)]
    answers = []
    for connection in idle:
        connection.settimeout(1)
        try:
            answers.append(connection.recv(4096))
        except TimeoutError:
            answers.append(None)
    assert sum(answer is not None and b" 503 " in answer for answer in answers) == 4


# Configuration

def test_secrets_are_read_again(ca):
    before = ca.sender
    new = new_secret()
    assert Sender(ca.server, new).send(event("issued", serial="01"))[0] == 401
    ca.path("secrets").write_text(f"{ca.secret}\n{new}\n")
    ca.server.process.send_signal(signal.SIGHUP)
    rotated = Sender(ca.server, new)
    wait_until(lambda: rotated.send(event("issued", serial="02"))[0] == 200)
    assert before.send(event("issued", serial="03"))[0] == 200
    ca.path("secrets").write_text("whsec_nonsense\n")
    ca.server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any("line 1: " in line for line in ca.server.errors + ca.server.output))
    assert rotated.send(event("issued", serial="04"))[0] == 200
    ca.path("secrets").write_text(f"{new}\n")
    ca.server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: before.send(event("issued", serial="05"))[0] == 401)


@pytest.mark.parametrize("change, problem", [
    (lambda settings: settings.update(events={}), "nobody receives events: events.listen is missing"),
    (lambda settings: settings["issuers"][0].pop("events"), "no issuer has events.secretFiles"),
    (lambda settings: settings["issuers"][0].update(events={"secretFiles": ["nowhere"]}), "nowhere"),
    (lambda settings: settings["events"].update(listen=["1"]), "events.listen[0]"),
    (lambda settings: settings["events"].update(tolerance="1d"), "events.tolerance"),
    (lambda settings: settings["events"].update(stream="s"), "no issuer has events.stream"),
    (lambda settings: settings["issuers"][0]["events"].update(stream=True), "no stream is read"),
    (lambda settings: (settings["events"].update(stream="s"), settings["issuers"][0]["events"].update(stream=True)),
     "no redis.nodes that it could be read from"),
])
def test_configurations_that_cannot_be(authority, change, problem):
    authority.configure()
    receive(authority, new_secret())
    path = authority.path("avouch.json5")
    assert run("config", "check", path).returncode == 0
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))
    result = run("config", "check", path)
    assert result.returncode == 1 and problem in result.stderr


# TLS

def test_events_over_tls(authority, stack):
    authority.configure()
    secret = new_secret()
    authority.issue_server("127.0.0.1", NOW + 30 * DAY)
    client_key = KEYS["p256"]()
    authority.issue("sender.example", key=client_key)
    authority.write("sender.key", client_key)
    receive(authority, secret, tls={"certificate": "server.pem", "key": "server.key", "clientAuthority": "ca.pem"})
    assert run("config", "check", authority.path("avouch.json5")).returncode == 0
    server = stack.enter_context(authority.serve())
    trusting = ssl.create_default_context(cafile=authority.path("ca.pem"))
    # Nobody in particular.
    with pytest.raises((ssl.SSLError, OSError)):
        Sender(server, secret, trusting).send(event("issued", serial="01"))
    with pytest.raises((http.client.HTTPException, OSError)):
        Sender(server, secret).send(event("issued", serial="01"))
    known = ssl.create_default_context(cafile=authority.path("ca.pem"))
    known.load_cert_chain(authority.path("sender.example.pem"), authority.path("sender.key"))
    sender = Sender(server, secret, known)
    rows = [{"serial": f"7A{number:06X}"} for number in range(50_000)]
    assert sender.send(event("issued", certificates=rows))[2]["changed"] == 50_000
    assert Sender(server, new_secret(), known).send(event("issued", serial="01"))[0] == 401
    # Another certificate, without a restart; and one that is none.
    authority.issue_server("127.0.0.1", NOW + 60 * DAY)
    server.process.send_signal(signal.SIGHUP)

    def end():
        with socket.create_connection(receiver_of(server), PATIENCE) as plain:
            with known.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                return ssl.cert_time_to_seconds(connection.getpeercert()["notAfter"])
    wait_until(lambda: end() == (NOW + 60 * DAY).timestamp())
    authority.path("server.pem").write_text("nonsense")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any("events.tls" in line for line in server.errors + server.output))
    assert sender.send(event("issued", serial="02"))[0] == 200
    sender.close()


# A stream of Redis

def test_events_of_a_stream(authority, redis, stack):
    authority.good = authority.issue("good.example")
    authority.record(authority.good)
    authority.configure()
    path = authority.path("avouch.json5")
    settings = json.loads(path.read_text())
    settings["redis"] = {"nodes": [redis.address]}
    settings["events"] = {"stream": "ca:events"}
    settings["issuers"][0]["events"] = {"stream": True}
    path.write_text(json.dumps(settings))
    authority.import_index()
    # Before it is started for the first time.
    new = authority.issue("new.example")
    redis.command("XADD", "ca:events", "*", "payload", json.dumps(event("issued", serial=serial(new))))
    authority.server = stack.enter_context(authority.serve())
    wait_until(lambda: status(authority, new) == "good")
    redis.command("XADD", "ca:events", "*", "id", "1", "payload", json.dumps(event("revoked", serial=serial(new))))
    wait_until(lambda: status(authority, new) == "revoked")
    # Killed in the middle of a stream: nothing is lost, and nothing counts twice.
    batch = [authority.issue(f"{number}.example") for number in range(20)]
    for one in batch:
        redis.command("XADD", "ca:events", "*", "payload", json.dumps(event("issued", serial=serial(one))))
    authority.server.stop(signal.SIGKILL)
    authority.server = stack.enter_context(authority.serve())
    wait_until(lambda: all(status(authority, one) == "good" for one in batch))
    wait_until(lambda: redis.command("XPENDING", "ca:events", "avouch").split("\n")[0] == "0")
    redis.command("XADD", "ca:events", "*", "payload", "nonsense")
    wait_until(lambda: counted(authority, "refused", "stream_events") != "0")
    # All is forgotten: the group too.
    redis.command("FLUSHALL")
    late = authority.issue("late.example")
    redis.command("XADD", "ca:events", "*", "payload", json.dumps(event("issued", serial=serial(late))))
    wait_until(lambda: status(authority, late) == "good")


# Invariant 2

def test_nothing_acknowledged_is_lost_however_it_ends(ca, stack):
    """Killed at random instants while events stream in: what was acknowledged is there, nothing is half there."""
    seed = int(os.environ.get("EVENT_SEED", "5"))
    generator = random.Random(seed)
    acknowledged, sent = {}, {}
    # More of them take their time: EVENT_KILLS=200.
    for life in range(int(os.environ.get("EVENT_KILLS", "12"))):
        ca.server.stop(signal.SIGKILL)
        ca.server = stack.enter_context(ca.serve(until="serving" if life else "ready"))
        wait_until(lambda: any(line.startswith("events at ") for line in ca.server.output))
        over = threading.Event()

        def stream(number, server=ca.server, life=life, over=over):
            sender = Sender(server, ca.secret)
            for count in range(10_000):
                if over.is_set():
                    return
                name = f"{life}-{number}-{count}"
                serials = [f"1{life:03X}{number:02X}{count:04X}{part:02X}" for part in range(5)]
                body = json.dumps(event("revoked", certificates=[{"serial": one} for one in serials]))
                sent[name] = (body, serials)
                try:
                    code, _, answer = sender.send(body, name)
                except OSError:
                    return
                except Exception:  # http.client's own: the answer was cut short
                    return
                if code == 200:
                    acknowledged[name] = answer
        threads = [threading.Thread(target=stream, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        threading.Event().wait(generator.uniform(0.02, 0.6))
        ca.server.process.kill()
        ca.server.process.wait(PATIENCE)
        over.set()
        for thread in threads:
            thread.join(PATIENCE)
    assert len(acknowledged) > 20, "too few to tell anything"
    with sqlite3.connect(f"file:{ca.path('avouch.sqlite')}?mode=ro", uri=True) as database:
        kept = {row[0] for row in database.execute("SELECT hex(serial) FROM certificates WHERE revoked_at IS NOT NULL")}
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"

    for name, (_, serials) in sent.items():
        there = [one for one in serials if one in kept]
        assert len(there) in (0, len(serials)), f"half of {name} is there (seed {seed})"
        assert name not in acknowledged or there, f"{name} was acknowledged and is lost (seed {seed})"
    ca.server = stack.enter_context(ca.serve())
    sender = Sender(ca.server, ca.secret)
    before = revision(ca)
    for name, answer in list(acknowledged.items())[-20:]:
        assert sender.send(sent[name][0], name)[2] == answer
    assert revision(ca) == before
