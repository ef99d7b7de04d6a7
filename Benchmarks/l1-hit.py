#!/usr/bin/env python3
"""CPU time per request of an answer from memory, beside a C server that parses nothing and writes the same octets.

GET over keep-alive connections. Each server runs on one processor, the load (wrk) on another; they take turns, and the
figure is the ratio of the servers' own CPU time per request, round by round. Loopback only, a few seconds a round.

    Benchmarks/l1-hit.py [--rounds N] [--seconds S] [--connections C] [--json FILE]

Needs wrk, cc, curl, openssl and two processors.
"""
import argparse
import base64
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
AVOUCH = os.path.join(HERE, "..", ".build", "release", "avouch")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """User and system time of a process, all threads."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_port(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"nobody listens on port {port}")


def start_avouch(folder, port):
    out = open(os.path.join(folder, "avouch.out"), "w+")
    environment = dict(os.environ, AVOUCH_WORKERS="1")
    process = subprocess.Popen(
        ["taskset", "-c", "0", AVOUCH, "demo", "--dir", os.path.join(folder, "demo"), "--port", str(port)],
        stdout=out, stderr=subprocess.STDOUT, env=environment)
    for _ in range(500):
        out.seek(0)
        if "ready:" in out.read():
            return process
        if process.poll() is not None:
            break
        time.sleep(0.02)
    out.seek(0)
    sys.exit("avouch did not start:\n" + out.read())


def request_target(folder):
    """The GET target that asks about the demo's good certificate."""
    demo = os.path.join(folder, "demo")
    request = os.path.join(folder, "request.der")
    subprocess.run(
        ["openssl", "ocsp", "-issuer", demo + "/ca.pem", "-cert", demo + "/good.pem", "-no_nonce", "-reqout", request],
        check=True, capture_output=True)
    with open(request, "rb") as file:
        return "/" + urllib.parse.quote(base64.b64encode(file.read()), safe="")


def load(port, target, seconds, connections):
    """Requests answered; wrong statuses and broken connections end the run."""
    result = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}{target}"],
        check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in result or "Socket errors" in result:
        sys.exit(result)
    return int(re.search(r"(\d+) requests in", result).group(1))


def measure(process, port, target, seconds, connections):
    before = cpu_seconds(process.pid)
    count = load(port, target, seconds, connections)
    return (cpu_seconds(process.pid) - before) / count * 1e6, count / seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    for tool in ("wrk", "cc", "curl", "openssl", "taskset"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing (Debian: wrk gcc curl openssl util-linux)")
    if not os.path.exists(AVOUCH):
        sys.exit("build first: make build")
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            avouch_port, floor_port = free_port(), free_port()
            avouch = start_avouch(folder, avouch_port)
            processes.append(avouch)
            target = request_target(folder)
            answer = os.path.join(folder, "answer")
            url = f"http://127.0.0.1:{avouch_port}{target}"
            with open(answer, "wb") as file:
                subprocess.run(["curl", "-si", url], check=True, stdout=file)
            floor_path = os.path.join(folder, "floor")
            subprocess.run(["cc", "-O2", "-o", floor_path, os.path.join(HERE, "floor", "floor.c")], check=True)
            floor = subprocess.Popen([floor_path, str(floor_port), answer, "0"])
            processes.append(floor)
            wait_for_port(floor_port)
            print(f"{os.path.getsize(answer)} octets an answer, {arguments.connections} connections, "
                  f"{arguments.seconds} s a round, server on processor 0, load on processor 1", flush=True)
            rounds = []
            for number in range(arguments.rounds + 1):
                ours, ours_rate = measure(avouch, avouch_port, target, arguments.seconds, arguments.connections)
                base, base_rate = measure(floor, floor_port, target, arguments.seconds, arguments.connections)
                if number == 0:
                    continue  # the first round warms both up
                rounds.append({"avouch_us": ours, "floor_us": base, "ratio": ours / base,
                               "avouch_per_second": ours_rate, "floor_per_second": base_rate})
                print(f"  round {number}: avouch {ours:5.2f} us {ours_rate:8.0f}/s   floor {base:5.2f} us "
                      f"{base_rate:8.0f}/s   ratio {ours / base:.3f}", flush=True)
            ratios = [one["ratio"] for one in rounds]
            print(f"CPU time per request, avouch / floor: median {statistics.median(ratios):.3f} "
                  f"(min {min(ratios):.3f}, max {max(ratios):.3f})")
            if arguments.json:
                with open(arguments.json, "w") as file:
                    json.dump({"rounds": rounds, "median_ratio": statistics.median(ratios)}, file, indent=2)
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
                process.wait()


if __name__ == "__main__":
    main()
