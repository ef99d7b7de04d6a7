"""Events of a CA, by webhook: how soon they are seen, how many are taken in, how long a million of them take."""
import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import sys
import threading
import time

from common.asking import LONGEST_SECONDS, Asker, quantiles, status, words
from common.authority import Authority
from common.processes import cpu_seconds, free_port, memory, wait_for_quiet
from .updates import EDGES, Fleet
from .varnish import Varnish

# Milliseconds from sending an event until `revoked` is answered, 99 of 100: by the node that takes it, by another one.
BOUND_HERE, BOUND_ELSEWHERE = 10, 25
# Certificates a second that are committed, in events of many.
BOUND_RATE = 50_000
# Seconds for a million revocations: durable, signed, served.
BOUND_MILLION = 60


class Sender:
    """Signs and sends events, as Standard Webhooks has them, over one connection."""

    numbers = itertools.count()

    def __init__(self, port=None, key=None):
        self.port, self.key = port or free_port(), key or os.urandom(32)
        self.connection = None

    def another(self):
        return Sender(self.port, self.key)

    def write_secret(self, folder):
        path = os.path.join(folder, "events.secret")
        with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write("whsec_" + base64.b64encode(self.key).decode() + "\n")
        return path

    def request(self, kind, certificates):
        """Fields and body of an event, signed now."""
        now = int(time.time())
        name = f"bench-{next(Sender.numbers)}"
        timestamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        body = json.dumps({"type": f"certificate.{kind}", "timestamp": timestamp,
                           "data": {"issuer": "bench", "certificates": certificates}}).encode()
        code = hmac.new(self.key, f"{name}.{now}.".encode() + body, hashlib.sha256).digest()
        return {"webhook-id": name, "webhook-timestamp": str(now),
                "webhook-signature": "v1," + base64.b64encode(code).decode()}, body

    def send(self, fields, body):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        self.connection.request("POST", "/v1/events", body, fields)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            sys.exit(f"an event was answered with {answer.status}: {said.decode()}")
        return json.loads(said)


# MARK: - How soon

class Latency:
    """Events one after another while the origin is asked half as often as it could answer."""

    name = "latency"

    def run(self, folder, redis, arguments):
        sender = Sender()
        fleet = Fleet(folder, redis, sender)
        try:
            fleet.start()
            serials = fleet.authority.good[:arguments.events]
            requests = list(fleet.authority.requests(serials))
            wait_for_quiet()
            most = fleet.capacity()
            fleet.load_half(most)
            asked, begin = fleet.requests(), time.monotonic()
            askers = {name: Asker(fleet.ports[name]) for name in ("origin", *EDGES[:1])}
            seen = {name: [] for name in askers}
            answered = []
            for number, (serial, request) in enumerate(zip(serials, requests), 1):
                took, found = self.revoke(sender, askers, serial, request)
                answered.append(took)
                for name, milliseconds in found.items():
                    seen[name].append(milliseconds)
                if number % 1000 == 0 or number == len(serials):
                    print(f"  latency, {number} events: " + "; ".join(
                        f"{name} {words(quantiles(values))}" for name, values in seen.items()), flush=True)
            seconds = time.monotonic() - begin
            load = [(after - before) / seconds for before, after in zip(asked, fleet.requests())]
        finally:
            fleet.stop()
        return self.summary(answered, seen, load, most)

    def revoke(self, sender, askers, serial, request):
        """Milliseconds from before the event is sent: until it is answered, and until each node says `revoked`."""
        content = bytes.fromhex(serial)
        fields, body = sender.request("revoked", [{"serial": serial}])
        begin = time.monotonic()
        sender.send(fields, body)
        answered = time.monotonic() - begin
        found = {}
        while len(found) < len(askers):
            for name, asker in askers.items():
                if name in found:
                    continue
                asker.ask(request)
                if status(asker.answer(), content) == "revoked":
                    found[name] = (time.monotonic() - begin) * 1e3
            if time.monotonic() - begin > LONGEST_SECONDS:
                sys.exit(f"{serial}: not revoked everywhere within {LONGEST_SECONDS} s")
        return answered * 1e3, found

    def summary(self, answered, seen, load, most):
        here, elsewhere = (quantiles(seen[name]) for name in ("origin", EDGES[0]))
        asked = ", ".join(f"{rate:.0f}" for rate in load)
        table = [("latency", f"{len(answered)} events, one after another; nodes are asked {asked} times a second, of "
                             f"{most:.0f} that the origin can"),
                 ("  until the event is answered", words(quantiles(answered))),
                 ("  until the origin says revoked", f"{words(here)} (bound: p99 {BOUND_HERE} ms)"),
                 ("  until an edge says revoked", f"{words(elsewhere)} (bound: p99 {BOUND_ELSEWHERE} ms)")]
        return {"what": self.name, "events": len(answered), "answered": quantiles(answered), "here": here,
                "elsewhere": elsewhere, "requests_per_second": load, "table": table,
                "is_kept": here["p99"] <= BOUND_HERE and elsewhere["p99"] <= BOUND_ELSEWHERE}


# MARK: - How many

class Rate:
    """Events of many certificates, over several connections, as fast as they are answered."""

    name = "rate"
    CERTIFICATES, CONNECTIONS, EVENTS = 1000, 4, 300

    def run(self, folder, redis, arguments):
        sender = Sender()
        authority = Authority(folder, 1000)
        authority.write_origin("origin", events=sender)
        authority.import_index("origin")
        node = authority.start("origin")
        try:
            node.wait_until_ready()
            # Signed beforehand: what is measured is the node.
            requests = [sender.request("issued", [{"serial": f"7A{number:06X}{row:06X}"}
                                                  for row in range(self.CERTIFICATES)])
                        for number in range(self.EVENTS)]
            wait_for_quiet()
            before, begin = cpu_seconds(node.pid), time.monotonic()
            failures = in_parallel(requests, [sender.another() for _ in range(self.CONNECTIONS)])
            seconds, busy = time.monotonic() - begin, cpu_seconds(node.pid) - before
            if failures:
                sys.exit(f"events were not taken: {failures[0]}")
            resident = memory(node.pid)["VmRSS"] / 2**20
        finally:
            node.stop()
        count = self.EVENTS * self.CERTIFICATES
        rate = count / seconds
        table = [("rate", f"{self.EVENTS} events of {self.CERTIFICATES} new certificates over {self.CONNECTIONS} "
                          f"connections, into the store and in force: {rate:.0f} certificates/s (bound: {BOUND_RATE})"),
                 ("  processor time a certificate", f"{busy / count * 1e6:.1f} us, signing what is new included; "
                                                    f"{resident:.0f} MiB resident at the end")]
        return {"what": self.name, "certificates": count, "per_second": rate, "bound": BOUND_RATE, "table": table,
                "is_kept": rate >= BOUND_RATE}


class Million:
    """A million certificates, all revoked in one go: durable, signed, served; what others are answered meanwhile."""

    name = "million"
    # Those that are under way at once share a commit, which is what the disk is asked least with.
    CERTIFICATES, CONNECTIONS = 10_000, 8

    def run(self, folder, redis, arguments):
        count = arguments.certificates
        sender = Sender()
        authority = Authority(folder, count)
        print(f"  signing and storing {count} answers", flush=True)
        authority.sign_all()
        cache = Varnish(folder, "varnish", uses_xkey=True) if arguments.purge else None
        port = authority.write_origin("origin", events=sender, caches={"varnish": cache} if cache else None)
        node = authority.start("origin")
        try:
            node.wait_until_ready()
            if cache:
                cache.start(port)
            revoked = authority.good[1:]
            rows = [{"serial": serial} for serial in revoked]
            requests = [sender.request("revoked", rows[start:start + self.CERTIFICATES])
                        for start in range(0, len(rows), self.CERTIFICATES)]
            bystander = Bystander(port, authority.good[0], authority)
            wait_for_quiet()
            bystander.start()
            time.sleep(2)
            quiet = bystander.take()
            begin = time.monotonic()
            failures = in_parallel(requests, [sender.another() for _ in range(self.CONNECTIONS)])
            if failures:
                sys.exit(f"events were not taken: {failures[0]}")
            durable = time.monotonic() - begin
            print(f"  {len(revoked)} revocations are durable after {durable:.1f} s", flush=True)
            served = self.wait_until_served(authority, port, revoked, begin)
            meanwhile = bystander.take()
            bystander.stop()
            purged = int(node.metric('avouch_purges_total{cache="varnish",result="purged"}'))
        finally:
            node.stop()
            if cache:
                cache.stop()
        table = [("million", f"{len(revoked)} revocations in events of {self.CERTIFICATES}: durable and no longer good "
                             f"after {durable:.1f} s, all signed and served after {served:.1f} s (bound: "
                             f"{BOUND_MILLION} s)"),
                 ("  a good answer beside them", f"{words(quantiles(meanwhile))}; before: {words(quantiles(quiet))}")]
        if cache:
            table.append(("  purged by key by then", f"{purged}; the rest stands in line"))
        return {"what": self.name, "revocations": len(revoked), "durable_s": durable, "served_s": served,
                "bystander": quantiles(meanwhile), "quiet": quantiles(quiet), "bound": BOUND_MILLION, "table": table,
                "is_kept": served <= BOUND_MILLION}

    def wait_until_served(self, authority, port, revoked, begin):
        """Seconds until one certificate in a hundred is answered with `revoked`, the last ones first."""
        asker = Asker(port)
        sample = revoked[::100]
        missing = list(zip(sample, authority.requests(sample)))
        while missing:
            serial, request = missing[-1]
            asker.ask(request)
            if status(asker.answer(), bytes.fromhex(serial)) == "revoked":
                missing.pop()
            elif time.monotonic() - begin > 4 * BOUND_MILLION:
                sys.exit(f"{serial} is not revoked after {4 * BOUND_MILLION} s; {len(missing)} of {len(sample)} are "
                         "missing")
        return time.monotonic() - begin


class Bystander(threading.Thread):
    """Asks for one good certificate again and again, and takes the time."""

    def __init__(self, port, serial, authority):
        super().__init__(daemon=True)
        self.asker, self.serial = Asker(port), bytes.fromhex(serial)
        self.request = next(iter(authority.requests([serial])))
        self.times, self.is_over = [], False

    def run(self):
        while not self.is_over:
            begin = time.monotonic()
            self.asker.ask(self.request)
            if status(self.asker.answer(), self.serial) != "good":
                sys.exit("a good certificate was not good")
            self.times.append((time.monotonic() - begin) * 1e3)
            time.sleep(0.002)

    def take(self):
        times, self.times = self.times, []
        return times

    def stop(self):
        self.is_over = True
        self.join()


def in_parallel(requests, senders):
    """Sends every request over whichever connection is free; what went wrong."""
    lock, failures, rest = threading.Lock(), [], iter(requests)

    def work(sender):
        while True:
            with lock:
                request = next(rest, None)
            if request is None or failures:
                return
            try:
                sender.send(*request)
            except (SystemExit, OSError) as error:
                failures.append(error)
    threads = [threading.Thread(target=work, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures
