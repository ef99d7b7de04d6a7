"""Runs of `avouch load`, as the tests make them."""
import json

from avouch import run

SHORT = ("--warmup", "0ms", "--duration", "300ms", "--quiet")


def load(url, authority, *arguments, serials=("--index", None), brief=SHORT):
    """The process as it ended, and what stands in its JSON file (None where there is none)."""
    source = [serials[0], serials[1] or authority.path("index.txt")]
    file = authority.path(f"load-{len(list(authority.folder.glob('load-*')))}.json")
    result = run("load", "--issuer", authority.path("ca.pem"), *source, *brief, "--json", file, *arguments, url)
    return result, json.loads(file.read_text()) if file.exists() else None


def counts(run_of_load):
    return {kind: count for kind, count in run_of_load["counts"].items() if count}
