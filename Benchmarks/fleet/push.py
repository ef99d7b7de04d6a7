"""How fast an origin puts all its answers into an empty Redis, beside redis-benchmark writing as many values of their
size to the same server."""
import re
import statistics
import subprocess
import sys
import time

from .authority import Authority
from .processes import cpu_of_children, cpu_seconds, output, wait_for_quiet

NAME = "push"
BOUND = 0.6
WRITTEN = 'avouch_fleet_writes_total{result="written"}'
# Commands on the way at once, as AnswerPublisher.Limits.window says; spread so that redis-benchmark is fastest.
CONNECTIONS, DEPTH = 16, 64


def prepare(folder, redis, arguments):
    authority = Authority(folder, arguments.certificates)
    print(f"  signing and storing {authority.count} answers", flush=True)
    authority.sign_all()
    authority.write_origin("origin", redis)
    return authority


def measure_origin(authority, redis):
    """Writes a second, and microseconds of processor time a write: the origin's, the server's."""
    redis.empty()
    node = authority.start("origin")
    try:
        first = last = None
        end = time.monotonic() + 180
        while last is None and time.monotonic() < end and node.process.poll() is None:
            count = node.metric(WRITTEN)
            sample = (time.monotonic(), count, cpu_seconds(node.pid), cpu_seconds(redis.pid))
            if first is None and count >= authority.count / 10:
                first = sample
            elif count >= authority.count * 9 / 10:
                last = sample
            time.sleep(0.05)
        if first is None or last is None:
            sys.exit(f"the answers were not pushed:\n{node.said()}")
        calls = redis.calls()
    finally:
        node.stop()
    seconds, count, ours, server = (after - before for before, after in zip(first, last))
    return {"per_second": count / seconds, "client_us": ours / count * 1e6, "server_us": server / count * 1e6,
            "calls": {name: each for name, each in calls.items() if each[0] > authority.count / 100}}


def measure_floor(authority, redis, octets):
    redis.empty()
    before, server = cpu_of_children(), cpu_seconds(redis.pid)
    said = output("redis-benchmark", "-p", str(redis.port), "-t", "set", "-d", str(octets), "-c", str(CONNECTIONS),
                  "-P", str(DEPTH), "-n", str(authority.count * 4), "-r", str(authority.count), "--csv")
    rate = float(re.search(r'"SET","([\d.]+)"', said)[1])
    count = authority.count * 4
    return {"per_second": rate, "client_us": cpu_of_children(before) / count * 1e6,
            "server_us": (cpu_seconds(redis.pid) - server) / count * 1e6}


def run(folder, redis, arguments):
    authority = prepare(folder, redis, arguments)
    rounds, octets = [], None
    for number in range(arguments.rounds):
        wait_for_quiet()
        ours = measure_origin(authority, redis)
        octets = octets or redis.call("STRLEN", authority.shared_keys(redis, authority.serials[:1])[0])
        wait_for_quiet()
        floor = measure_floor(authority, redis, octets)
        ratio = ours["per_second"] / floor["per_second"]
        rounds.append({"ratio": ratio, "avouch": ours, "floor": floor})
        print(f"  push {number + 1}: {ours['per_second']:.0f}/s beside {floor['per_second']:.0f}/s, ratio {ratio:.3f}; "
              f"processor time a write: server {ours['server_us']:.2f} us beside {floor['server_us']:.2f}, "
              f"client {ours['client_us']:.2f} beside {floor['client_us']:.2f}", flush=True)
    for name, (count, each) in sorted(ours["calls"].items()):
        print(f"  inside Redis: {name} {each:.2f} us a call, {count} calls", flush=True)
    redis.empty()
    return summary(rounds, octets, authority.count)


def summary(rounds, octets, count):
    def median(*path):
        values = rounds
        for step in path:
            values = [value[step] for value in values]
        return statistics.median(values)
    return {
        "what": NAME, "ratio": median("ratio"), "bound": BOUND, "octets": octets, "answers": count,
        "rounds": rounds,
        "table": [
            ("push", f"{count} answers of {octets} octets"),
            ("  rate", f"{median('avouch', 'per_second'):.0f}/s, redis-benchmark SET "
                       f"{median('floor', 'per_second'):.0f}/s"),
            ("  ratio", f"{median('ratio'):.3f} (bound: at least {BOUND})"),
            ("  server, processor time a write", f"{median('avouch', 'server_us'):.2f} us, floor "
                                                 f"{median('floor', 'server_us'):.2f} us"),
            ("  client, processor time a write", f"{median('avouch', 'client_us'):.2f} us, floor "
                                                 f"{median('floor', 'client_us'):.2f} us"),
        ],
        "is_kept": median("ratio") >= BOUND,
    }
