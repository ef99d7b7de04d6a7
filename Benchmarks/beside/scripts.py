"""The other benchmarks, run as they are; their ratios and bounds as rows of one table."""
import json
import os
import sys
import tempfile

from common.processes import BENCHMARKS, end, start

# By name: what --quick says to it.
SCRIPTS = {
    "presign": ["--rounds", "1", "--seconds", "1"],
    "pkcs11": ["--rounds", "1", "--seconds", "1"],
    "redis": ["--rounds", "1", "--seconds", "1", "--certificates", "50000", "--revocations", "20"],
    "events": ["--events", "20", "--certificates", "3000"],
    "crl": ["--entries", "1000"],
    "millions": ["--quick"],
    "overload": ["--quick"],
}
# Those that have a --load, ab excepted, which asks of one certificate only.
LOADED = ("millions", "overload")
HOURS = 6 * 3600


def run(name, quick, *more):
    """What a script writes as JSON; it says meanwhile what it always says. None where it failed."""
    with tempfile.TemporaryDirectory(prefix="avouch-bench-") as folder:
        path = os.path.join(folder, "result.json")
        process = start([BENCHMARKS / name, *(SCRIPTS[name] if quick else []), *more, "--json", path], stdout=None,
                        stderr=None)
        try:
            process.wait(HOURS)
        finally:
            end(process)
        # 1 may mean that a bound was missed.
        if process.returncode not in (0, 1) or not os.path.exists(path):
            print(f"Benchmarks/{name} failed, exit code {process.returncode}", file=sys.stderr, flush=True)
            return None  # what others have measured is not to be lost
        with open(path, encoding="utf-8") as file:
            return json.load(file)


def row(what, avouch, beside, value, *, least=None, most=None, unit="", low=None, high=None):
    """A figure with its bound: `value` is at least `least`, or at most `most`."""
    kept = None
    if least is not None:
        kept = value >= least
    if most is not None:
        kept = value <= most
    return {"what": what, "avouch": avouch, "beside": beside, "value": value, "unit": unit, "min": low, "max": high,
            "least": least, "most": most, "is_kept": kept}


def cells(one):
    figure = f"{one['value']:.4g}{one['unit']}"
    if one["min"] is not None:
        figure += f" ({one['min']:.4g} to {one['max']:.4g})"
    bound = "" if one["is_kept"] is None else ("at least" if one["least"] is not None else "at most")
    if bound:
        limit = one["least"] if one["least"] is not None else one["most"]
        bound += f" {limit:,}{one['unit']}: {'kept' if one['is_kept'] else 'not kept'}"
    return [one["what"], one["avouch"], one["beside"], figure, bound]


def rows(name, result):
    return ROWS[name](result)


# MARK: - One by one

def presign(result):
    return [row(f"answers signed ahead, {one['case']}, processor time", f"{one['avouch_us']:.1f} µs, "
                f"{one['avouch_per_second']:.0f}/s", f"{'C_Sign' if 'token' in one['case'] else 'openssl speed'}: "
                f"{one['floor_us']:.1f} µs, {one['floor_per_second']:.0f}/s", one["ratio"], least=one["bound"],
                low=one["ratio_min"], high=one["ratio_max"]) for one in result]


def pkcs11(result):
    return [row(f"signatures in a token, {one['key']}, threads: {one['threads']}", f"{one['avouch']:.0f}/s",
                f"C_Sign: {one['floor']:.0f}/s", one["ratio"], least=one["bound"], low=one["ratio_min"],
                high=one["ratio_max"]) for one in result]


def redis(result):
    found = []
    for one in result:
        ratios = [part["ratio"] if "ratio" in part else part["ratio_held"] for part in one.get("rounds", [])]
        if one["what"] == "push":
            last = one["rounds"][-1]
            found.append(row("answers pushed into an empty Redis", f"{last['avouch']['per_second']:.0f}/s",
                             f"redis-benchmark SET: {last['held']['per_second']:.0f}/s", one["ratio"],
                             least=one["bound"], low=min(ratios), high=max(ratios)))
        elif one["what"] == "l2":
            last = one["rounds"][-1]
            found.append(row("answers of an edge out of Redis", f"{last['avouch']['per_second']:.0f}/s",
                             f"hiredis GET: {last['floor']['per_second']:.0f}/s", one["ratio"], low=min(ratios),
                             high=max(ratios)))
        else:
            found.append(row("revoked at the edges, p99 after `avouch revoke`", f"p99 {one['p99_ms']:.1f} ms",
                             f"XADD to XREAD: p99 {one['floor']['p99']:.1f} ms", one["p99_ms"], most=one["bound"],
                             unit=" ms"))
    return found


def events(result):
    found = []
    for one in result:
        if one["what"] == "latency":
            found.append(row("event to `revoked`, the node that takes it, p99", "", "", one["here"]["p99"], most=10,
                             unit=" ms"))
            found.append(row("event to `revoked`, another node, p99", "", "", one["elsewhere"]["p99"], most=25,
                             unit=" ms"))
        elif one["what"] == "rate":
            found.append(row("certificates a second in events", "", "", one["per_second"], least=one["bound"],
                             unit="/s"))
        elif one["what"] == "million":
            found.append(row(f"{one['revocations']:,} revocations, all served",
                             f"durable after {one['durable_s']:.1f} s", "", one["served_s"], most=one["bound"],
                             unit=" s"))
        else:
            for name, part in one["results"].items():
                found.append(row(f"event to `revoked` of Varnish {name}, p99", "", "", part["seen"]["p99"],
                                 most=part["bound"], unit=" ms"))
    return found


def crl(result):
    what = f"a CRL of {result['entries']:,} entries"
    return [row(f"{what}, {part}", f"{result[part + '_processor_seconds']} s of processor time, at most "
                f"{result[part + '_peak_mebibytes']:.0f} MiB", "", result[part + "_seconds"], unit=" s")
            for part in ("first", "changed")]


def told(result):
    """Scripts that write their rows themselves."""
    return result["rows"]


ROWS = {"presign": presign, "pkcs11": pkcs11, "redis": redis, "events": events, "crl": crl, "millions": told,
        "overload": told}
