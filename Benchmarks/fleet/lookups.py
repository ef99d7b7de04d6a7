"""Answers of an edge whose memory holds next to nothing, so that each comes out of Redis, beside a bare hiredis loop
that gets the same keys and keeps as many GETs on the way as there are connections."""
import os
import re
import statistics
import sys

from common.authority import Authority
from common.loads import MANY_QUESTIONS, quantile
from common.processes import compiled, cpu_seconds, output, undisturbed, wait_until

NAME = "l2"
FETCHED = 'avouch_edge_lookups_total{result="fetched"}'
# Asked in turn, each once in a long while: memory has room for a hundredth of them.
LEAST_MEMORY = "1MiB"
LEAST_FETCHED = 0.98


def prepare(folder, redis, arguments):
    authority = Authority(folder, arguments.certificates)
    print(f"  signing, storing and pushing {authority.count} answers", flush=True)
    authority.sign_all()
    authority.write_origin("origin", redis)
    origin = authority.start("origin")
    try:
        wait_until(lambda: origin.metric("avouch_fleet_complete_issuers") == 1, "all answers in Redis", origin.process)
    finally:
        # The answers stay, and nobody takes time from the edge.
        origin.stop()
    with open(authority.path("requests"), "w") as file:
        for request in authority.requests(authority.serials):
            file.write(request.hex() + "\n")
    with open(authority.path("keys"), "w") as file:
        for key in authority.shared_keys(redis, authority.serials):
            file.write(key + "\n")
    with open(authority.path("ask.lua"), "w") as file:
        # An answer of OCSP has 200 whatever it says: the edge's own counter says how many were answers out of Redis.
        file.write(MANY_QUESTIONS)
    compiled(folder, "redis-get", *output("pkg-config", "--cflags", "--libs", "hiredis").split())
    return authority


def measure_edge(authority, redis, edge, port, arguments):
    fetched, ours, server = edge.metric(FETCHED), cpu_seconds(edge.pid), cpu_seconds(redis.pid)
    environment = dict(os.environ, OCSP_REQUESTS=authority.path("requests"))
    said = output("wrk", "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "--latency", "-s",
                  authority.path("ask.lua"), f"http://127.0.0.1:{port}/", env=environment)
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(said)
    count = int(re.search(r"(\d+) requests in", said)[1])
    share = (edge.metric(FETCHED) - fetched) / count
    if share < LEAST_FETCHED:
        sys.exit(f"{share:.1%} of {count} requests were answered out of Redis; {LEAST_FETCHED:.0%} are expected")
    return {"per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), "fetched": share,
            "p50_ms": quantile(50, said), "p99_ms": quantile(99, said),
            "edge_us": (cpu_seconds(edge.pid) - ours) / count * 1e6,
            "server_us": (cpu_seconds(redis.pid) - server) / count * 1e6}


def measure_floor(authority, redis, arguments):
    before = cpu_seconds(redis.pid)
    said = output(authority.path("redis-get"), str(redis.port), authority.path("keys"), str(arguments.connections),
                  str(arguments.seconds))
    rate, each = (float(word) for word in said.split())
    return {"per_second": rate, "client_us": each,
            "server_us": (cpu_seconds(redis.pid) - before) / (rate * arguments.seconds) * 1e6}


def run(folder, redis, arguments):
    authority = prepare(folder, redis, arguments)
    port = authority.write_edge("edge", redis, LEAST_MEMORY)
    edge = authority.start("edge")
    rounds = []
    try:
        edge.wait_until_ready()
        for number in range(arguments.rounds):
            ours = undisturbed(lambda: measure_edge(authority, redis, edge, port, arguments), redis, edge)
            floor = undisturbed(lambda: measure_floor(authority, redis, arguments), redis)
            ratio = ours["per_second"] / floor["per_second"]
            rounds.append({"ratio": ratio, "avouch": ours, "floor": floor})
            print(f"  l2 {number + 1}: {ours['per_second']:.0f}/s (p50 {ours['p50_ms']:.2f} ms, p99 "
                  f"{ours['p99_ms']:.2f} ms, {ours['fetched']:.1%} out of Redis) beside {floor['per_second']:.0f}/s, "
                  f"ratio {ratio:.3f}; edge {ours['edge_us']:.1f} us", flush=True)
    finally:
        edge.stop()
    return summary(rounds, arguments)


def summary(rounds, arguments):
    def median(side, name):
        return statistics.median(one[side][name] for one in rounds)
    ratio = statistics.median(one["ratio"] for one in rounds)
    return {
        "what": NAME, "ratio": ratio, "connections": arguments.connections, "rounds": rounds, "is_kept": True,
        "table": [
            ("l2", f"{arguments.connections} connections, {median('avouch', 'fetched'):.1%} out of Redis"),
            ("  rate", f"{median('avouch', 'per_second'):.0f}/s, hiredis loop {median('floor', 'per_second'):.0f}/s"),
            ("  ratio", f"{ratio:.3f}"),
            ("  latency", f"p50 {median('avouch', 'p50_ms'):.2f} ms, p99 {median('avouch', 'p99_ms'):.2f} ms"),
            ("  edge, processor time a request", f"{median('avouch', 'edge_us'):.1f} us, loop "
                                                 f"{median('floor', 'client_us'):.2f} us"),
            ("  server, processor time a request", f"{median('avouch', 'server_us'):.2f} us, floor "
                                                   f"{median('floor', 'server_us'):.2f} us"),
        ],
    }
