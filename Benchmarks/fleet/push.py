"""How fast an origin puts all its answers into an empty Redis, beside redis-benchmark writing values of their size to
the same server: over one connection with as many commands on the way, as the origin has it, and over many, which is
the most that the server takes."""
import re
import statistics
import subprocess
import sys
import time

from .authority import Authority
from .processes import cpu_of_children, cpu_seconds, output, undisturbed

NAME = "push"
BOUND = 0.6
WRITTEN = 'avouch_fleet_writes_total{result="written"}'
# Connections, and commands on the way on each: AnswerPublisher.Limits.window together.
FLOORS = {"one": (1, 1024), "many": (16, 64)}


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


def measure_floor(authority, redis, octets, connections, depth):
    redis.empty()
    before, server = cpu_of_children(), cpu_seconds(redis.pid)
    said = output("redis-benchmark", "-p", str(redis.port), "-t", "set", "-d", str(octets), "-c", str(connections),
                  "-P", str(depth), "-n", str(authority.count * 4), "-r", str(authority.count), "--csv")
    rate = float(re.search(r'"SET","([\d.]+)"', said)[1])
    count = authority.count * 4
    return {"per_second": rate, "client_us": cpu_of_children(before) / count * 1e6,
            "server_us": (cpu_seconds(redis.pid) - server) / count * 1e6}


def run(folder, redis, arguments):
    authority = prepare(folder, redis, arguments)
    rounds, octets = [], None
    for number in range(arguments.rounds):
        ours = undisturbed(lambda: measure_origin(authority, redis), redis)
        octets = octets or redis.call("STRLEN", authority.shared_keys(redis, authority.serials[:1])[0])
        result = {"avouch": ours}
        for name, (connections, depth) in FLOORS.items():
            result[name] = undisturbed(
                lambda: measure_floor(authority, redis, octets, connections, depth), redis)
            result["ratio_" + name] = ours["per_second"] / result[name]["per_second"]
        rounds.append(result)
        print(f"  push {number + 1}: {ours['per_second']:.0f}/s beside {result['one']['per_second']:.0f}/s over one "
              f"connection and {result['many']['per_second']:.0f}/s over many, ratios {result['ratio_one']:.3f} and "
              f"{result['ratio_many']:.3f}", flush=True)
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
    table = [("push", f"{count} answers of {octets} octets"),
             ("  avouch", f"{median('avouch', 'per_second'):.0f}/s; processor time a write: client "
                          f"{median('avouch', 'client_us'):.2f} us, server {median('avouch', 'server_us'):.2f} us")]
    for name, (connections, depth) in FLOORS.items():
        table.append((f"  redis-benchmark -c {connections} -P {depth}",
                      f"{median(name, 'per_second'):.0f}/s; client {median(name, 'client_us'):.2f} us, server "
                      f"{median(name, 'server_us'):.2f} us; ratio {median('ratio_' + name):.3f}"))
    ratio = median("ratio_one")
    table.append(("  ratio, one connection each", f"{ratio:.3f} (bound: at least {BOUND})"))
    return {"what": NAME, "ratio": ratio, "ratio_many": median("ratio_many"), "bound": BOUND, "octets": octets,
            "answers": count, "rounds": rounds, "table": table, "is_kept": ratio >= BOUND}
