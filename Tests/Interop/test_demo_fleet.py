"""`make demo-fleet`: an origin and two edges over Redis, as the README shows them."""
import os
import re
import random
import signal
import socket
import subprocess
import threading

import pytest

import avouch


def free_ports(count):
    """The first of so many ports in a row on which nobody listens."""
    while True:
        first = random.randrange(20_000, 30_000)
        sockets = [socket.socket() for _ in range(count)]
        try:
            for number, one in enumerate(sockets):
                one.bind(("127.0.0.1", first + number))
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()


@pytest.fixture
def demo(tmp_path):
    """The fleet, once it is ready: its folder, its first port and the running script."""
    port = free_ports(4)
    folder = tmp_path / "demo-fleet"
    process = subprocess.Popen(
        [avouch.ROOT / "scripts/demo-fleet", "--dir", folder, "--port", str(port), "--avouch", avouch.BINARY],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    said = []
    ready = threading.Event()

    def read():
        for line in process.stdout:
            said.append(line)
            if line.startswith("ready"):
                ready.set()
        ready.set()
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(avouch.START_PATIENCE) and process.poll() is None, (said, process.stderr.read())
        yield folder, port, process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(avouch.PATIENCE)


def test_a_revocation_at_the_origin_is_answered_by_both_edges(demo):
    folder, port, process = demo
    text = (avouch.ROOT / "README.md").read_text().split("as it stands: fleet -->")[1]
    script = text.split("```sh\n")[1].split("```")[0].replace("../../.build/release/avouch", str(avouch.BINARY))
    script = re.sub(r"127\.0\.0\.1:808(\d)", lambda match: f"127.0.0.1:{port + int(match[1])}", script)
    done = subprocess.run(["bash", "-ec", script], cwd=folder.parent, capture_output=True, text=True,
                          timeout=avouch.PATIENCE)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"good-2\.pem: (\w+)", done.stdout) == ["good", "revoked", "revoked"], done.stdout
    # One signal ends them all.
    process.send_signal(signal.SIGINT)
    assert process.wait(avouch.PATIENCE) == 0
    left = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True)
    assert left.stdout == ""


def test_it_says_what_is_in_the_way(tmp_path):
    done = subprocess.run([avouch.ROOT / "scripts/demo-fleet", "--avouch", tmp_path / "nothing"], capture_output=True,
                          text=True, timeout=avouch.PATIENCE)
    assert done.returncode == 1 and "run make build first" in done.stderr
    done = subprocess.run([avouch.ROOT / "scripts/demo-fleet", "--port", "70000", "--avouch", avouch.BINARY],
                          capture_output=True, text=True, timeout=avouch.PATIENCE)
    assert done.returncode == 1 and "70000" in done.stderr
