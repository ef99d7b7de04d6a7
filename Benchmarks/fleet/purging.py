"""From an event until a cache in front says `revoked` that had said `good` a moment before: Varnish before a node that
stands alone, purged by URL and by key, and before an edge of a fleet, purged by key."""
import base64
import os
import sys
import time
import urllib.parse

from common.asking import LONGEST_SECONDS, Asker, quantiles, status, words
from common.processes import wait_for_quiet, wait_until
from .events import BOUND_ELSEWHERE, BOUND_HERE, Sender
from .updates import EDGES, STEP_SECONDS, Fleet
from .varnish import Varnish

# As in the origin's configuration.
HOST = "ocsp.bench"
RESULTS = ("purged", "repeated", "stale", "unproven", "refused", "unavailable")


class Getter(Asker):
    """Asks with GET, which caches keep."""

    def ask(self, request):
        target = urllib.parse.quote(base64.b64encode(request).decode(), safe="")
        self.connection.sendall(f"GET /{target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())


class Setting:
    """A Varnish, what is behind it, and how it is purged."""

    def __init__(self, name, node, is_by_key, bound):
        self.name, self.node, self.is_by_key, self.bound = name, node, is_by_key, bound

    def run(self, folder, redis, arguments):
        os.mkdir(folder)
        sender = Sender()
        cache = Varnish(folder, "varnish", uses_xkey=self.is_by_key)
        fleet = Fleet(folder, redis if self.node in EDGES else None, sender, {"varnish": cache})
        try:
            fleet.start()
            cache.start(fleet.ports[self.node])
            serials = fleet.authority.good[:arguments.events]
            requests = list(fleet.authority.requests(serials))
            wait_for_quiet()
            most = fleet.capacity()
            fleet.load_half(most)
            asked, begin = fleet.requests(), time.monotonic()
            asker, seen = Getter(cache.port), []
            for number, (serial, request) in enumerate(zip(serials, requests), 1):
                # One that took longer than its share of time has the next one follow at once.
                time.sleep(max(0, begin + (number - 1) / arguments.pace - time.monotonic()))
                seen.append(self.revoke(sender, asker, serial, request))
                if number % 1000 == 0 or number == len(serials):
                    print(f"  {self.name}, {number} events: {words(quantiles(seen))}", flush=True)
            seconds = time.monotonic() - begin
            load = [(after - before) / seconds for before, after in zip(asked, fleet.requests())]
            tries = self.wait_until_purged(fleet.nodes[0], len(serials))
        finally:
            cache.stop()
            fleet.stop()
        return {"seen": quantiles(seen), "per_second": len(serials) / seconds, "load": load, "most": most,
                "tries": tries, "bound": self.bound}

    def revoke(self, sender, asker, serial, request):
        """Milliseconds from before the event is sent until the cache says `revoked`."""
        content = bytes.fromhex(serial)
        asker.ask(request)
        if status(asker.answer(), content) != "good":
            sys.exit(f"{serial} is not good to begin with")
        fields, body = sender.request("revoked", [{"serial": serial}])
        begin = time.monotonic()
        sender.send(fields, body)
        while True:
            asker.ask(request)
            if status(asker.answer(), content) == "revoked":
                return (time.monotonic() - begin) * 1e3
            if time.monotonic() - begin > LONGEST_SECONDS:
                sys.exit(f"{serial}: not revoked in the cache within {LONGEST_SECONDS} s")
            # Asking without a pause would take a whole processor from what is measured.
            time.sleep(STEP_SECONDS)

    def wait_until_purged(self, node, count):
        """How the tries ended, once each certificate was purged twice."""
        def counted():
            metrics = node.metrics()
            return {result: int(metrics.get(f'avouch_purges_total{{cache="varnish",result="{result}"}}', 0))
                    for result in RESULTS}
        wait_until(lambda: counted()["repeated"] >= count, "repeated purges", node.process)
        return counted()


SETTINGS = (Setting("before a node alone, by URL", "origin", False, BOUND_HERE),
            Setting("before a node alone, by key", "origin", True, BOUND_HERE),
            Setting("before an edge, by key", EDGES[0], True, BOUND_ELSEWHERE))


class Purging:
    """Events at half load; each certificate is in the cache before it is revoked."""

    name = "varnish"

    def run(self, folder, redis, arguments):
        results, table, is_kept = {}, [], True
        for number, setting in enumerate(SETTINGS):
            result = setting.run(os.path.join(folder, str(number)), redis, arguments)
            results[setting.name] = result
            asked = ", ".join(f"{rate:.0f}" for rate in result["load"])
            tries = ", ".join(f"{count} {what}" for what, count in result["tries"].items() if count)
            table += [(f"Varnish {setting.name}", f"{words(result['seen'])} (bound: p99 {setting.bound} ms)"),
                      ("  ", f"{arguments.events} events, {result['per_second']:.0f} a second; asked {asked} times a "
                             f"second, of {result['most']:.0f} that the origin can; {tries}")]
            is_kept = is_kept and result["seen"]["p99"] <= setting.bound
        return {"what": self.name, "results": results, "table": table, "is_kept": is_kept}
