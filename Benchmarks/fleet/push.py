"""How fast an origin puts all its answers into an empty Redis, beside redis-benchmark writing as many values of their
size under new keys into the same server, emptied again, over one connection with as many commands on the way: with the
origin's own command, whose values have an end, and with SET alone, which costs the server two thirds of it whoever
sends it. Beside them: keys that mostly are there already, and many connections, which is the most that the server
takes."""
import re
import statistics
import sys
import time

from common.authority import Authority
from common.processes import cpu_of_children, cpu_seconds, output, undisturbed

NAME = "push"
BOUND = 0.6
WRITTEN = 'avouch_fleet_writes_total{result="written"}'
# How redis-benchmark draws keys: out of so many that next to none comes twice, or out of as many as there are answers.
NEW_KEYS = 10 ** 9
# AnswerPublisher.Limits.window commands on the way together. The command of the origin has keys as long as its own.
FLOORS = {
    "same": ("SET NX PX, new keys", 1, 1024, True,
             ["SET", "avouch:r:0123456789abcdef:sha1:__rand_int__0123456789ABCDEF0123", None, "NX", "PX", "345600000"]),
    "new": ("SET, new keys", 1, 1024, True, ["-t", "set"]),
    "held": ("SET, keys that are there", 1, 1024, False, ["-t", "set"]),
    "many": ("SET, new keys, -c 16 -P 64", 16, 64, True, ["-t", "set"]),
}


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


def measure_floor(authority, redis, octets, what, connections, depth, is_new, words):
    redis.empty()
    # Where keys are to be there already, most of four times as many writes find theirs.
    count = authority.count if is_new else authority.count * 4
    # Whole rounds of what is on the way: redis-benchmark now and then gives up when the last one is cut short.
    count = -(-count // depth) * depth
    words = [word or "x" * octets for word in words]
    before, server = cpu_of_children(), cpu_seconds(redis.pid)
    said = output("redis-benchmark", "-p", str(redis.port), "-d", str(octets), "-c", str(connections), "-P", str(depth),
                  "-n", str(count), "-r", str(NEW_KEYS if is_new else authority.count), "--csv", *words)
    return {"per_second": float(re.findall(r'","([\d.]+)"', said)[0]),
            "client_us": cpu_of_children(before) / count * 1e6,
            "server_us": (cpu_seconds(redis.pid) - server) / count * 1e6}


def run(folder, redis, arguments):
    authority = prepare(folder, redis, arguments)
    rounds, octets = [], None
    for number in range(arguments.rounds):
        ours = undisturbed(lambda: measure_origin(authority, redis), redis)
        octets = octets or redis.call("STRLEN", authority.shared_keys(redis, authority.serials[:1])[0])
        result = {"avouch": ours}
        for name, floor in FLOORS.items():
            result[name] = undisturbed(lambda: measure_floor(authority, redis, octets, *floor), redis)
            result["ratio_" + name] = ours["per_second"] / result[name]["per_second"]
        rounds.append(result)
        ratios = ", ".join(f"{result['ratio_' + name]:.3f} of {what[0]}" for name, what in FLOORS.items())
        print(f"  push {number + 1}: {ours['per_second']:.0f}/s, {ratios}", flush=True)
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
    for name, (what, *_) in FLOORS.items():
        table.append((f"  redis-benchmark {what}",
                      f"{median(name, 'per_second'):.0f}/s; client {median(name, 'client_us'):.2f} us, server "
                      f"{median(name, 'server_us'):.2f} us; ratio {median('ratio_' + name):.3f}"))
    ratio = median("ratio_held")
    table.append(("  ratio, plain SET over one connection", f"{ratio:.3f} (bound: at least {BOUND})"))
    return {"what": NAME, "ratio": ratio, "bound": BOUND, "octets": octets, "answers": count, "rounds": rounds,
            "table": table, "is_kept": ratio >= BOUND}
