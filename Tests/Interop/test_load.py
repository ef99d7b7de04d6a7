"""`avouch load` against Avouch and OpenSSL: what it measures, what it calls wrong, and how it ends."""
import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading

import pytest

from authority import Authority
from avouch import BINARY, PATIENCE, read_all, run, wait_until
from caches import Nginx, Varnish
from loads import counts, load

def answered_by(server_folder):
    """Requests that a running node has answered, all together."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(server_folder / "control"))
        control.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = read_all(control).decode()
    return sum(float(value) for value in re.findall(r"^avouch_http_requests_total\S* (\S+)$", text, re.M))


def test_a_closed_loop_is_measured_and_every_answer_checked(world):
    result, measured = load(world.server.url, world, "--connections", "4", "--threads", "2", "--name", "a name")
    assert result.returncode == 0, result.stdout + result.stderr
    assert measured["format"] == "avouch-load-1" and measured["name"] == "a name"
    [one] = measured["runs"]
    assert set(counts(one)) == {"good", "revoked"}
    assert one["failures"] == 0 and one["answered"] == one["planned"] > 10
    assert one["clientThreads"] == 2 and one["clientProcessorSeconds"] > 0
    assert one["latency"]["count"] == sum(count for _, count in one["latency"]["buckets"]) == one["answered"]
    assert "closed loop, 4 connections" in result.stdout


def test_an_open_loop_keeps_its_plan(world):
    result, measured = load(world.server.url, world, "--rate", "200", "--seed", "7")
    assert result.returncode == 0, result.stdout + result.stderr
    [one] = measured["runs"]
    assert one["planned"] == one["answered"] == 60
    assert one["lateness"]["count"] == 60
    # The same seed asks the same.
    _, again = load(world.server.url, world, "--rate", "200", "--seed", "7")
    assert counts(again["runs"][0]) == counts(one)


def test_a_mix_has_all_kinds_of_answers_and_none_is_wrong(world):
    result, measured = load(
        world.server.url, world, "--rate", "400", "--method", "get:50,post:50",
        "--hash", "sha1:25,sha256:25,sha384:25,sha512:25", "--nonce", "30%", "--unknown", "20%", "--malformed", "20%",
        "--distribution", "zipf:1.2", "--header", "X-One: 1", "--header", "X-Two: 2", "--signatures", "100%")
    assert result.returncode == 0, result.stdout + result.stderr
    kinds = counts(measured["runs"][0])
    assert {"good", "revoked", "unauthorized"} < set(kinds) <= {
        "good", "revoked", "unauthorized", "rejected", "rejectedByStatus"}
    assert kinds.get("rejected", 0) + kinds.get("rejectedByStatus", 0) > 5


@pytest.mark.parametrize("options", [
    ["--connection", "close"], ["--connection", "close", "--http10"], ["--http10"], ["--connection", "pipelined"],
    ["--connection", "pipelined:3", "--rate", "300"], ["--connection", "close", "--rate", "100"],
    ["--slow-readers", "5", "--idle", "5"]])
def test_connections_of_all_kinds_lose_nothing(world, options):
    result, measured = load(world.server.url, world, *options)
    assert result.returncode == 0, result.stdout + result.stderr
    [one] = measured["runs"]
    assert one["answered"] == one["planned"] > 10
    if "close" in options:
        assert one["connectionsOpened"] >= one["answered"]


def test_a_sweep_makes_a_run_of_each(world):
    result, measured = load(world.server.url, world, "--sweep-connections", "1,2,5")
    assert result.returncode == 0, result.stderr
    assert [one["connections"] for one in measured["runs"]] == [1, 2, 5]
    assert "scaling" in result.stdout
    result, measured = load(world.server.url, world, "--sweep-rates", "50,100", "--maximum-connections", "3")
    assert [(one["planned"], one["connections"]) for one in measured["runs"]] == [(15, 3), (30, 3)]


def test_an_answer_that_is_not_expected_is_wrong(world):
    result, measured = load(world.server.url, world, "--expect", "good")
    assert result.returncode == 1
    [one] = measured["runs"]
    assert counts(one)["unexpectedStatus"] > 0
    [example] = one["examples"]
    assert example["method"] == "GET" and bytes.fromhex(example["answerHexadecimal"]).startswith(b"HTTP/1.1 200")
    assert "good is expected" in result.stdout


def test_a_ca_that_the_responder_does_not_know_is_told(world, tmp_path):
    other = Authority(tmp_path / "other", ca_name="Other CA")
    other.record(other.issue("a.example"))
    other.path("index.txt").write_text("".join(other.rows))
    result, measured = load(world.server.url, other)
    assert result.returncode == 1
    assert set(counts(measured["runs"][0])) == {"unexpectedStatus"}
    result, measured = load(world.server.url, other, "--expect", "any")
    assert result.returncode == 0 and set(counts(measured["runs"][0])) == {"unauthorized"}


def test_a_signature_that_nobody_vouches_for_is_wrong(world, tmp_path):
    """The certificate of the responder was issued by another CA."""
    stranger = Authority(tmp_path / "stranger", ca_name="Stranger")
    with openssl_responder(world, signer=stranger) as port:
        result, measured = load(f"http://127.0.0.1:{port}", world, "--connections", "1", "--signatures", "100%")
    assert result.returncode == 1
    assert set(counts(measured["runs"][0])) == {"badSignature"}
    assert "not issued by this CA" in result.stdout


class openssl_responder:
    """`openssl ocsp` on the records of an authority; gives its port."""

    def __init__(self, authority, signer=None):
        signer = signer or authority
        self.process = subprocess.Popen(
            ["openssl", "ocsp", "-port", "0", "-index", authority.path("index.txt"), "-CA", authority.path("ca.pem"),
             "-rsigner", signer.path("responder.pem"), "-rkey", signer.path("responder.key"), "-ndays", "1"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        for line in self.process.stdout:
            if match := re.match(r"ACCEPT .*:(\d+)", line):
                # It has a line for each request, which must not fill the pipe.
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return int(match[1])
        raise AssertionError("openssl ocsp did not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(PATIENCE)


@pytest.mark.parametrize("options", [[], ["--method", "post"], ["--http10"], ["--rate", "50"]])
def test_openssl_is_driven_too_though_it_keeps_no_connection(world, options):
    # It serves one connection at a time.
    few = ["--maximum-connections", "2"] if "--rate" in options else ["--connections", "1"]
    with openssl_responder(world) as port:
        result, measured = load(f"http://127.0.0.1:{port}", world, *few, *options)
    assert result.returncode == 0, result.stdout + result.stderr
    [one] = measured["runs"]
    assert set(counts(one)) <= {"good", "revoked"} and one["answered"] > 3
    assert one["connectionsOpened"] >= one["answered"]


@pytest.mark.parametrize("kind", [Nginx, Varnish])
@pytest.mark.parametrize("options", [
    [], ["--method", "get:50,post:50"], ["--connection", "close"], ["--connection", "pipelined:4"],
    ["--rate", "100", "--http10"]])
def test_caches_in_front_are_driven_too(world, tmp_path, kind, options):
    with kind(tmp_path / "cache", world.server.address[1]) as cache:
        result, measured = load(cache.url, world, *options, "--header", "Host: ocsp.example", "--signatures", "10%")
    assert result.returncode == 0, result.stdout + result.stderr
    [one] = measured["runs"]
    assert set(counts(one)) == {"good", "revoked"} and one["answered"] == one["planned"] > 10


def test_where_nobody_listens_nothing_was_answered(world):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        result, measured = load(f"http://127.0.0.1:{port}", world, "--connections", "2")
    assert result.returncode == 1
    assert set(counts(measured["runs"][0])) == {"connectFailed"}
    assert "Connection refused" in result.stdout


@pytest.mark.parametrize("options, message", [
    (["--rate", "5", "--connections", "5"], "do not go together"), (["--rate", "-1"], "--rate"),
    (["--rate", "1e3"], "--rate"), (["--duration", "10"], "--duration"), (["--duration", "1ms"], "--duration"),
    (["--method", "put"], "--method"), (["--hash", "md5"], "--hash"), (["--hash", "sha1:0"], "--hash"),
    (["--nonce", "10"], "--nonce"), (["--nonce", "101%"], "--nonce"), (["--distribution", "zipf:0"], "--distribution"),
    (["--connection", "pipelined:0"], "--connection"), (["--connection", "pipelined:1000"], "--connection"),
    (["--threads", "9", "--connections", "8"], "--threads"), (["--header", "none"], "--header"),
    (["--header", "Content-Length: 3"], "--header"), (["--expect", "bad"], "--expect"),
    (["--maximum-connections", "3"], "--maximum-connections"), (["--seed", "x"], "--seed"),
    (["--serial", "01"], "give one of"), (["--revoke-every", "1s"], "--revoke-webhook is missing"),
    (["--no-such"], "no option")])
def test_wrong_use_is_told(world, options, message):
    result, _ = load(world.server.url, world, *options, brief=())
    assert result.returncode == 2
    assert message in result.stderr.split("\n\n")[0]


@pytest.mark.parametrize("url, message", [
    ("https://localhost/", "https:// is not possible"), ("localhost:80", "not an http:// URL"),
    ("http://localhost/?a", "query")])
def test_urls_that_are_no_place_for_a_load_are_told(world, url, message):
    result, _ = load(url, world)
    assert result.returncode == 2 and message in result.stderr


def test_files_that_cannot_be_used_are_told_before_anything_is_sent(world, tmp_path):
    serials = tmp_path / "serials.txt"
    serials.write_text("0A1B\nnothing\n")
    result, _ = load(world.server.url, world, serials=("--serials", serials))
    assert result.returncode == 1 and f"{serials}, line 2: 'nothing'" in result.stderr
    result, _ = load(world.server.url, world, "--html", tmp_path / "none" / "page.html")
    assert result.returncode == 1 and "there is no folder" in result.stderr


def test_serials_come_from_a_file_or_the_command_line(world, tmp_path):
    serials = tmp_path / "serials.txt"
    serials.write_text(f"# of the CA\n0x{world.good.serial_number:x}\n\n{world.revoked.serial_number:X} # revoked\n")
    result, measured = load(world.server.url, world, serials=("--serials", serials))
    assert result.returncode == 0, result.stdout
    assert set(counts(measured["runs"][0])) == {"good", "revoked"}
    result, measured = load(
        world.server.url, world, "--expect", "revoked", serials=("--serial", f"{world.revoked.serial_number:x}"))
    assert result.returncode == 0 and set(counts(measured["runs"][0])) == {"revoked"}


def test_reports_are_written_and_compared(world, tmp_path):
    page = tmp_path / "page.html"
    result, measured = load(world.server.url, world, "--html", page, "--connections", "2")
    assert result.returncode == 0
    assert page.read_text().lower().startswith("<!doctype html>")
    before = tmp_path / "before.json"
    before.write_text(json.dumps(measured))
    _, measured = load(world.server.url, world, "--connections", "2")
    after = tmp_path / "after.json"
    after.write_text(json.dumps(measured))
    result = run("load", "--compare", before, after)
    assert result.returncode == 0 and "p99" in result.stdout
    result = run("load", "--compare", before, after, "--quiet")
    assert result.returncode == 2 and "--quiet does not go with --compare" in result.stderr
    _, measured = load(world.server.url, world, "--connections", "3")
    after.write_text(json.dumps(measured))
    result = run("load", "--compare", before, after)
    assert result.returncode == 1 and "No run of one has a counterpart" in result.stdout
    after.write_text("{}")
    result = run("load", "--compare", before, after)
    assert result.returncode == 1 and str(after) in result.stderr
    assert run("load", "--compare", before).returncode == 2


def test_an_interrupt_ends_the_load_and_what_was_measured_is_told(world, tmp_path):
    file = tmp_path / "load.json"
    before = answered_by(world.folder)
    process = subprocess.Popen(
        [BINARY, "load", "--issuer", world.path("ca.pem"), "--index", world.path("index.txt"), "--warmup", "0ms",
         "--duration", "600s", "--connections", "2", "--json", file, world.server.url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: answered_by(world.folder) > before + 50)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, output + errors
    [one] = json.loads(file.read_text())["runs"]
    assert one["answered"] >= 50 and one["failures"] == 0 and one["seconds"] < 500


def test_a_terminal_has_a_line_that_is_drawn_again(world):
    """A bar with time, rate and failures on standard error; nothing of it in the report."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [BINARY, "load", "--issuer", world.path("ca.pem"), "--index", world.path("index.txt"), "--warmup", "0ms",
         "--duration", "2500ms", "--rate", "50", world.server.url], stdout=subprocess.PIPE, stderr=slave, text=True)
    os.close(slave)
    shown = b""
    try:
        while octets := os.read(master, 4096):
            shown += octets
    except OSError:
        pass  # The other end is closed.
    finally:
        os.close(master)
    report, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    lines = shown.decode().split("\r\x1b[K")
    assert any(re.search(r"50\.?0?/s \[#+\.+\] 1 of 3 s, \S+/s.* 0 failures", line) for line in lines), lines
    assert lines[-1] == ""
    assert "open loop" in report and "[#" not in report
