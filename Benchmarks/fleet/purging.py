"""From an event until caches in front say `revoked` that had answered `good` a moment before.

A Varnish before the origin is purged by URL, and one before an edge by key."""
import base64
import sys
import time
import urllib.parse

from .events import BOUND_ELSEWHERE, BOUND_HERE, LONGEST_SECONDS, Sender
from .processes import wait_for_quiet, wait_until
from .updates import EDGES, STEP_SECONDS, Asker, Fleet, quantiles, status, words
from .varnish import Varnish

# As in the origin's configuration.
HOST = "ocsp.bench"
# By cache: what is in front of it, and the bound of the 99th of 100, in milliseconds.
CACHES = {"by-url": ("origin", BOUND_HERE), "by-key": (EDGES[0], BOUND_ELSEWHERE)}


class Getter(Asker):
    """Asks with GET, which caches keep."""

    def ask(self, request):
        target = urllib.parse.quote(base64.b64encode(request).decode(), safe="")
        self.connection.sendall(f"GET /{target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())


class Purging:
    """Events one after another at half load; each certificate is in both caches before it is revoked."""

    name = "varnish"

    def run(self, folder, redis, arguments):
        sender = Sender()
        caches = {name: Varnish(folder, name, uses_xkey=name == "by-key") for name in CACHES}
        fleet = Fleet(folder, redis, sender, caches)
        try:
            fleet.start()
            for name, (node, _) in CACHES.items():
                caches[name].start(fleet.ports[node])
            serials = fleet.authority.good[:arguments.events]
            requests = list(fleet.authority.requests(serials))
            wait_for_quiet()
            most = fleet.capacity()
            fleet.load_half(most)
            asked, begin = fleet.requests(), time.monotonic()
            askers = {name: Getter(cache.port) for name, cache in caches.items()}
            seen = {name: [] for name in askers}
            for number, (serial, request) in enumerate(zip(serials, requests), 1):
                # One that took longer than its share of time has the next one follow at once.
                time.sleep(max(0, begin + (number - 1) / arguments.pace - time.monotonic()))
                for name, milliseconds in self.revoke(sender, askers, serial, request).items():
                    seen[name].append(milliseconds)
                if number % 1000 == 0 or number == len(serials):
                    print(f"  varnish, {number} events: " + "; ".join(
                        f"{name} {words(quantiles(values))}" for name, values in seen.items()), flush=True)
            seconds = time.monotonic() - begin
            load = [(after - before) / seconds for before, after in zip(asked, fleet.requests())]
            counted = self.wait_until_purged(fleet.nodes[0], len(serials))
        finally:
            for cache in caches.values():
                cache.stop()
            fleet.stop()
        return self.summary(seen, load, most, seconds, counted)

    def revoke(self, sender, askers, serial, request):
        """Milliseconds from before the event is sent until each cache says `revoked`."""
        content = bytes.fromhex(serial)
        for asker in askers.values():
            asker.ask(request)
            if status(asker.answer(), content) != "good":
                sys.exit(f"{serial} is not good to begin with")
        fields, body = sender.request("revoked", [{"serial": serial}])
        begin = time.monotonic()
        sender.send(fields, body)
        found = {}
        while len(found) < len(askers):
            for name, asker in askers.items():
                if name in found:
                    continue
                asker.ask(request)
                if status(asker.answer(), content) == "revoked":
                    found[name] = (time.monotonic() - begin) * 1e3
            if time.monotonic() - begin > LONGEST_SECONDS:
                sys.exit(f"{serial}: not revoked in every cache within {LONGEST_SECONDS} s")
            # Asking without a pause would take a whole processor from what is measured.
            time.sleep(STEP_SECONDS)
        return found

    def wait_until_purged(self, node, count):
        """How the tries ended, once each certificate was purged twice everywhere."""
        def is_done():
            metrics = node.metrics()
            return all(metrics.get(f'avouch_purges_total{{cache="{name}",result="repeated"}}', 0) >= count
                       for name in CACHES)
        wait_until(is_done, "repeated purges", node.process)
        metrics = node.metrics()
        return {name: {result: int(metrics[f'avouch_purges_total{{cache="{name}",result="{result}"}}'])
                       for result in ("purged", "repeated", "stale", "unproven", "refused", "unavailable")}
                for name in CACHES}

    def summary(self, seen, load, most, seconds, counted):
        count = len(next(iter(seen.values())))
        asked = ", ".join(f"{rate:.0f}" for rate in load)
        table = [("varnish", f"{count} events, one after another, {count / seconds:.0f} a second; nodes are asked "
                             f"{asked} times a second, of {most:.0f} that the origin can")]
        is_kept = True
        for name, (node, bound) in CACHES.items():
            found = quantiles(seen[name])
            is_kept = is_kept and found["p99"] <= bound
            table.append((f"  Varnish before {node}, {name}", f"{words(found)} (bound: p99 {bound} ms)"))
            table.append(("    tries", ", ".join(f"{number} {result}" for result, number in counted[name].items()
                                                 if number)))
        return {"what": self.name, "events": count, "seen": {name: quantiles(values) for name, values in seen.items()},
                "requests_per_second": load, "tries": counted, "table": table, "is_kept": is_kept}

