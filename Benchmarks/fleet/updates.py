"""From a revocation at the origin until each of two edges answers `revoked`, one after another, while wrk asks all
three nodes: from the start of `avouch revoke`, and from its end, by which it acknowledges that the origin says
so.

Beside it, in turns and under the same load: an entry of the same size from XADD to a reader that waits in XREAD."""
import os
import re
import socket
import subprocess
import sys
import time

from common.asking import LONGEST_SECONDS, Asker, quantiles, status, words
from common.authority import Authority
from common.loads import MANY_QUESTIONS
from common.processes import AVOUCH, end, output, start, wait_for_quiet, wait_until

NAME = "update"
# Milliseconds, from the acknowledgement, 99 of 100.
BOUND = 25
CERTIFICATES = 20_000
EDGES = ("edge-1", "edge-2")
# Each node is asked by so many connections that wait so long between requests: about 1500 requests a second.
CONNECTIONS, PAUSE_MILLISECONDS = 16, 10
# Between two questions to an edge: asking without a pause would be the heaviest load of all.
STEP_SECONDS = 0.0002


class Fleet:
    """An origin and its edges; `events` is a sender whose events the origin takes, `caches` those that it purges."""

    def __init__(self, folder, redis, events=None, caches=None):
        self.redis = redis
        self.authority = Authority(folder, CERTIFICATES)
        self.nodes, self.loads = [], []
        print("  signing, storing and pushing answers", flush=True)
        self.authority.sign_all()
        ports = {"origin": self.authority.write_origin("origin", redis, events, caches)}
        for name in EDGES if redis else ():
            ports[name] = self.authority.write_edge(name, redis, "64MiB")
        self.ports = ports

    def start(self):
        for name in self.ports:
            self.nodes.append(self.authority.start(name))
            self.nodes[-1].wait_until_ready()
        if self.redis is None:
            return
        origin = self.nodes[0]
        wait_until(lambda: origin.metric("avouch_fleet_complete_issuers") == 1, "all answers in Redis", origin.process)

    def capacity(self):
        """Requests a second of the origin, with all the load that it takes."""
        path = self.authority.path
        with open(path("one"), "wb") as file:
            file.write(next(iter(self.authority.requests(self.authority.serials[:1]))))
        with open(path("one.lua"), "w") as file:
            file.write('wrk.method = "POST"\nwrk.body = io.open(os.getenv("OCSP_REQUEST"), "rb"):read("*a")\n'
                       'wrk.headers["Content-Type"] = "application/ocsp-request"\n')
        said = output("wrk", "-t1", "-c64", "-d3s", "-s", path("one.lua"), f"http://127.0.0.1:{self.ports['origin']}/",
                      env=dict(os.environ, OCSP_REQUEST=path("one")))
        return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])

    def load_half(self, most):
        """Loads the origin with half of what it can, the edges as always. Connections are added until that is reached:
        how often one asks depends on what else the machine does."""
        connections = int(most / 2 * PAUSE_MILLISECONDS / 1000)
        for attempt in range(5):
            self.load(origin_connections=connections)
            time.sleep(1)
            before, begin = self.requests()[0], time.monotonic()
            time.sleep(1.5)
            rate = (self.requests()[0] - before) / (time.monotonic() - begin)
            if attempt == 4 or 0.95 < rate / (most / 2) < 1.1:
                return
            self.end_load()
            connections = max(1, int(connections * min(2, most / 2 / max(1, rate))))

    def end_load(self):
        for load in self.loads:
            end(load)
        self.loads = []

    def load(self, origin_connections=CONNECTIONS):
        path = self.authority.path
        with open(path("requests"), "w") as file:
            for request in self.authority.requests(self.authority.serials):
                file.write(request.hex() + "\n")
        with open(path("ask.lua"), "w") as file:
            file.write(MANY_QUESTIONS + f"function delay() return {PAUSE_MILLISECONDS} end\n")
        environment = dict(os.environ, OCSP_REQUESTS=path("requests"))
        for name, port in self.ports.items():
            connections = origin_connections if name == "origin" else CONNECTIONS
            self.loads.append(start(
                ["wrk", "-t2", f"-c{max(2, connections)}", "-d3600s", "-s", path("ask.lua"),
                 f"http://127.0.0.1:{port}/"], env=environment))

    def requests(self):
        """How many each node has answered so far, those of the load and of the askers."""
        return [sum(value for name, value in node.metrics().items() if name.startswith("avouch_http_requests_total"))
                for node in self.nodes]

    def stop(self):
        self.end_load()
        for node in reversed(self.nodes):
            node.stop()


def revoke(fleet, askers, serial, request):
    """Milliseconds: of the command, and for each edge from its start and from its end."""
    content = bytes.fromhex(serial)
    for asker in askers.values():
        asker.ask(request)
        if status(asker.answer(), content) != "good":
            sys.exit(f"{serial} is not good to begin with")
    begin = time.monotonic()
    command = subprocess.Popen(
        [AVOUCH, "revoke", "--config", fleet.authority.path("origin.json5"), "--issuer", "bench", "--serial", serial],
        stdout=subprocess.DEVNULL)
    acknowledged, seen = None, {}
    while acknowledged is None or len(seen) < len(askers):
        waiting = [name for name in askers if name not in seen]
        for name in waiting:
            askers[name].ask(request)
        for name in waiting:
            if status(askers[name].answer(), content) == "revoked":
                seen[name] = time.monotonic()
        if acknowledged is None and command.poll() is not None:
            acknowledged = time.monotonic()
            if command.returncode != 0:
                sys.exit(f"avouch revoke {serial}: exit code {command.returncode}")
        if time.monotonic() - begin > LONGEST_SECONDS:
            sys.exit(f"{serial}: not revoked at both edges within {LONGEST_SECONDS} s")
        time.sleep(STEP_SECONDS)
    return ((acknowledged - begin) * 1e3,
            {name: (when - begin) * 1e3 for name, when in seen.items()},
            {name: max(0, when - acknowledged) * 1e3 for name, when in seen.items()})


class Stream:
    """The floor: news over Redis, and nothing else."""

    def __init__(self, redis):
        self.redis = redis
        self.reader = socket.create_connection(("127.0.0.1", redis.port), LONGEST_SECONDS)
        self.file = self.reader.makefile("rb")
        self.entry = b"x" * 1000
        redis.call("XADD", "floor", "MAXLEN", "10", "*", "e", self.entry)

    def milliseconds(self):
        self.reader.sendall(b"*6\r\n$5\r\nXREAD\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n"
                            b"$7\r\nSTREAMS\r\n$5\r\nfloor\r\n$1\r\n$\r\n")
        time.sleep(0.002)  # until it waits
        begin = time.monotonic()
        self.redis.call("XADD", "floor", "MAXLEN", "10", "*", "e", self.entry)
        while self.entry not in self.file.readline():
            pass
        return (time.monotonic() - begin) * 1e3


def run(folder, redis, arguments):
    fleet = Fleet(folder, redis)
    try:
        fleet.start()
        serials = fleet.authority.good[:arguments.revocations]
        requests = list(fleet.authority.requests(serials))
        wait_for_quiet()
        fleet.load()
        time.sleep(2)
        asked, begin = fleet.requests(), time.monotonic()
        askers = {name: Asker(fleet.ports[name]) for name in EDGES}
        stream, commands, floor = Stream(redis), [], []
        since_start, since_end = {name: [] for name in EDGES}, {name: [] for name in EDGES}
        for number, (serial, request) in enumerate(zip(serials, requests), 1):
            command, start, acknowledged = revoke(fleet, askers, serial, request)
            commands.append(command)
            floor.append(stream.milliseconds())
            for name in EDGES:
                since_start[name].append(start[name])
                since_end[name].append(acknowledged[name])
            if number % 200 == 0 or number == len(serials):
                said = "; ".join(f"{name} {words(quantiles(since_end[name]))}" for name in EDGES)
                print(f"  update, {number} revoked, since the acknowledgement: {said}", flush=True)
        seconds = time.monotonic() - begin
        load = [(after - before) / seconds for before, after in zip(asked, fleet.requests())]
    finally:
        fleet.stop()
    return summary(commands, since_start, since_end, floor, load)


def summary(commands, since_start, since_end, floor, load):
    worst = max(quantiles(since_end[name])["p99"] for name in EDGES)
    asked = ", ".join(f"{rate:.0f}" for rate in load)
    table = [("update", f"{len(commands)} revocations, one after another; the nodes are asked {asked} times a second"),
             ("  avouch revoke", words(quantiles(commands)))]
    for name in EDGES:
        table.append((f"  {name}, since its start", words(quantiles(since_start[name]))))
        before = sum(value == 0 for value in since_end[name]) / len(commands)
        table.append((f"  {name}, since its end", f"{words(quantiles(since_end[name]))}; revoked before it ended: "
                                                  f"{before:.0%}"))
    table.append(("  XADD to XREAD alone", words(quantiles(floor))))
    table.append(("  p99 since its end", f"{worst:.1f} ms (bound: at most {BOUND} ms)"))
    return {
        "what": NAME, "bound": BOUND, "p99_ms": worst, "revocations": len(commands), "is_kept": worst <= BOUND,
        "ratio": worst / quantiles(floor)["p99"], "command": quantiles(commands), "floor": quantiles(floor),
        "requests_per_second": load, "since_start": {name: quantiles(since_start[name]) for name in EDGES},
        "since_acknowledgement": {name: quantiles(since_end[name]) for name in EDGES}, "table": table,
    }
