"""The control socket: whatever a client of this machine sends, the responder goes on."""
import json
import os
import signal
import sqlite3
import socket
import subprocess
import threading

import pytest

import avouch
from authority import Authority
from avouch import Answer, read_all, run

LARGEST = 2 ** 63 - 1


@pytest.fixture(scope="module")
def controlled(tmp_path_factory):
    """A responder of its own: what ends it must not end the others' tests."""
    authority = Authority(tmp_path_factory.mktemp("control") / "ca")
    authority.record(authority.issue("good.example"))
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        server.control = str(authority.path("control"))
        server.authority = authority
        yield server


def connect(server):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(avouch.PATIENCE)
    connection.connect(server.control)
    return connection


def ask(server, target, method=b"GET"):
    with connect(server) as connection:
        head = b"Host: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(method + b" " + target + b" HTTP/1.1\r\n" + head)
        octets = read_all(connection)
        assert octets.startswith(b"HTTP/1."), (method, target, octets)
        return Answer(octets)


PATHS = [
    b"/healthz", b"/readyz", b"/metrics", b"/v1/answers", b"/v1/applied", b"/", b"/v1/", b"//healthz", b"/v1/answers/"]
QUERIES = [
    b"?", b"?=", b"?==", b"?&", b"?=&=", b"?&&=x&", b"?=revision", b"?revision", b"?revision=", b"?revision=&revision",
    b"?revision=-1", b"?revision=1.5", b"?revision=+0", b"?revision=0x10", b"?revision=99999999999999999999999",
    b"?revision=18446744073709551615", b"?revision=9223372036854775808", b"?issuer=interop", b"?issuer=interop&serial=",
    b"?issuer=interop&serial=-", b"?issuer=interop&serial=0x", b"?issuer=interop&serial=:::",
    b"?issuer=interop&serial=-80",
    b"?issuer=interop&serial=" + b"F" * 200, b"?issuer=&serial=1", b"?issuer=%00&serial=%31", b"?\xff\xfe=\xff",
    b"?" + b"=" * 3000, b"?" + b"a=b&" * 1000, b"??", b"?#", b"?issuer=interop?serial=01",
]


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS", b"DELETE", b"BREW"])
def test_odd_targets_are_answered(controlled, method):
    for path in PATHS:
        for query in QUERIES:
            answer = ask(controlled, path + query, method)
            assert answer.status in (200, 400, 404, 405, 501, 503), (method, path, query, answer.status)
            assert answer.status != 501 or method == b"BREW"
            if answer.status == 405:
                assert answer.headers["allow"], (method, path, query)
    for target in (b"*", b"http://a/healthz?=", b"http://?=", b"?=", b"=", b"a", b"http:///?=&="):
        ask(controlled, target, method)
    assert controlled.process.poll() is None
    assert ask(controlled, b"/healthz").body == b"alive\n"


def test_405_tells_what_is_allowed(controlled):
    for path, method, allowed in ((b"/healthz", b"POST", "GET, HEAD"), (b"/metrics", b"DELETE", "GET, HEAD"),
                                  (b"/v1/answers", b"POST", "GET"), (b"/v1/applied", b"GET", "POST")):
        answer = ask(controlled, path, method)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert ask(controlled, b"/nothing", b"DELETE").status == 404
    assert ask(controlled, b"/healthz", b"BREW").status == 501


def processor_ticks(server):
    with open(f"/proc/{server.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_a_revision_that_nobody_made_keeps_nothing_busy(controlled):
    for number in (2 ** 64 - 1, 2 ** 63, -1):
        assert ask(controlled, b"/v1/applied?revision=%d" % number, b"POST").status == 400
    for seconds in (b"", b"0", b"-1", b"11", b"1.5", b"%d" % LARGEST, b"%d" % (LARGEST + 1)):
        assert ask(controlled, b"/v1/applied?revision=0&seconds=" + seconds, b"POST").status == 400, seconds
    before = processor_ticks(controlled)
    answer = ask(controlled, b"/v1/applied?revision=%d&seconds=1" % LARGEST, b"POST")
    assert (answer.status, answer.body) == (504, b"not applied within 1 s\n")
    # A fifth of the time at work would be a thread that spins.
    assert processor_ticks(controlled) - before < os.sysconf("SC_CLK_TCK") / 5


@pytest.fixture
def waiting(controlled):
    """Connects as many as may wait, and has them wait."""
    connections = []

    def wait(query):
        connections.extend(connect(controlled) for _ in range(64))
        for connection in connections:
            connection.sendall(b"POST /v1/applied?%s HTTP/1.0\r\n\r\n" % query)
        return connections
    yield wait
    for connection in connections:
        connection.close()


def answers(connections):
    """The status that each of them gets, which all may get at once."""
    statuses = []
    readers = [threading.Thread(target=lambda one=one: statuses.append(Answer(read_all(one)).status))
               for one in connections]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return statuses


def test_waiting_for_a_revision_needs_no_new_thread(controlled, waiting):
    def threads():
        return len(os.listdir(f"/proc/{controlled.process.pid}/task"))

    before = threads()
    applied = json.loads(ask(controlled, b"/v1/answers?issuer=interop&serial=01").body)["appliedRevision"]
    connections = waiting(b"revision=%d" % (applied + 1))
    # One thread takes them all in order: its answer to this one shows that it has them.
    assert ask(controlled, b"/v1/applied?revision=%d" % LARGEST, b"POST").status == 503
    assert threads() == before
    assert ask(controlled, b"/v1/applied?revision=%d" % applied, b"POST").status == 200
    # The change that they wait for; the command waits its turn, and is answered as they are.
    controlled.authority.record(controlled.authority.issue("new.example"))
    assert "answers so from now on" in controlled.authority.import_index().stdout
    assert answers(connections) == [200] * 64


def test_all_who_wait_in_vain_are_told_so(waiting):
    assert answers(waiting(b"revision=%d&seconds=1" % LARGEST)) == [504] * 64


# What the commands make of it

def reconfigured(authority, file="other.json5", **settings):
    """The same configuration with other values, in another file."""
    text = json.loads(authority.path("avouch.json5").read_text())
    authority.path(file).write_text(json.dumps({**text, **settings}))
    return authority.path(file)


def revoke(authority, certificate, configuration, **options):
    return run("revoke", "--config", configuration, "--issuer", "interop", "--serial",
               f"{certificate.serial_number:X}", **options)


def test_a_control_socket_out_of_reach_is_not_nobody(authority):
    good = authority.issue("good.example")
    authority.record(good)
    authority.configure()
    authority.import_index()
    # As good as a missing permission, and it stops root too.
    result = revoke(authority, good, reconfigured(authority, control="unix:index.txt/control"))
    assert result.returncode == 1 and "has not confirmed" in result.stderr and "Not a directory" in result.stderr
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(authority.path("stale")))
    for control in ("unix:stale", "unix:missing"):
        result = revoke(authority, good, reconfigured(authority, control=control))
        assert result.returncode == 0 and "no responder is running" in result.stdout


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_proxies_do_not_matter(authority, kind):
    good = authority.issue("good.example")
    authority.record(good)
    authority.configure()
    authority.import_index()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"control": f"127.0.0.1:{port}"} if kind == "tcp" else {}
    configuration = reconfigured(authority, **settings)
    with avouch.Server("serve", "--config", configuration):
        environment = {**os.environ, "http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"}
        result = revoke(authority, good, configuration, env=environment)
        assert result.returncode == 0 and "answers so from now on" in result.stdout, result.stderr


def test_importing_again_waits_for_what_was_not_confirmed(authority):
    authority.record(authority.issue("good.example"))
    authority.configure()
    authority.import_index()
    authority.record(authority.issue("new.example"))
    authority.path("index.txt").write_text("".join(authority.rows))
    with authority.serve() as server:
        # Stopped in the middle of a write it would hold the store.
        avouch.wait_until(lambda: sqlite3.connect(authority.path("avouch.sqlite")).execute(
            "SELECT count(*) FROM responses").fetchone()[0] == 1)
        server.process.send_signal(signal.SIGSTOP)
        words = ["--issuer", "interop", "--index", authority.path("index.txt")]
        # Somebody who does not ask the responder: the change is on the disk, and nobody has confirmed it.
        result = run("import", "--config", reconfigured(authority, control="unix:missing"), *words)
        assert result.returncode == 0 and "1 added" in result.stdout
        again = subprocess.Popen([avouch.BINARY, "import", "--config", authority.path("avouch.json5"), *words],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                again.wait(1)
            server.process.send_signal(signal.SIGCONT)
            output = again.communicate(timeout=avouch.PATIENCE)[0]
            assert again.returncode == 0 and "0 added, 0 changed" in output and "answers so from now on" in output
        finally:
            again.kill()
