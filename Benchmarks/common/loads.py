"""Loads: `avouch load`, wrk and ab, each asked for the same and saying the same afterwards.

A question is asked over so many connections for so many seconds, and what came of it is a dictionary: requests
answered, failures (and which), seconds, requests a second, p50 and p99 in milliseconds, processor time of the load
itself."""
import base64
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse

from .processes import AVOUCH, cpu_of_children, output, start

# What a load may take longer than it was told, before it counts as hanging.
PATIENCE = 60
KEEP_ALIVE, CLOSE = "keep-alive", "close"

# wrk asks for one after another; the list is read once.
MANY_QUESTIONS = """
local requests, next = {}, 0
local headers = {Host = "edge", ["Content-Type"] = "application/ocsp-request"}
for line in io.lines(os.getenv("OCSP_REQUESTS")) do
  local body = line:gsub("..", function(digits) return string.char(tonumber(digits, 16)) end)
  requests[#requests + 1] = wrk.format("POST", "/", headers, body)
end
function request()
  next = next % #requests + 1
  return requests[next]
end
"""
MANY_TARGETS = """
local requests, next = {}, 0
for line in io.lines(os.getenv("OCSP_REQUESTS")) do
  requests[#requests + 1] = wrk.format("GET", line, {Host = "edge"})
end
function request()
  next = next % #requests + 1
  return requests[next]
end
"""


def target(request):
    """What GET asks for (RFC 6960 A.1): base64, with every octet escaped that a path may not have."""
    return "/" + urllib.parse.quote(base64.b64encode(request).decode(), safe="")


def milliseconds(text):
    """wrk's 1.20ms, 830.00us, 1.05s."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def quantile(percent, said):
    """Milliseconds, of what `wrk --latency` says. Other lines of it have percentages too, such as 87.50%."""
    return milliseconds(re.search(rf"^ *{percent}% +(\S+)$", said, re.MULTILINE)[1])


@dataclasses.dataclass
class Questions:
    """What is asked: of one certificate, or of many.

    `avouch load` asks of those in the index, where there is one, as they come at random; wrk of those in the list, in
    turn, which are then to be some of them, drawn at random."""

    folder: str  # of the authority; files of the load go there too
    issuer: str
    serials: list  # hexadecimal
    requests: list  # the DER of each
    index: str | None = None  # index.txt

    @property
    def is_single(self):
        return len(self.serials) == 1

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path


class Tool:
    """A load; `processor` is where it runs."""

    def __init__(self, processor=None):
        self.processor = processor

    def run(self, port, questions, method, connection, connections, seconds):
        before = cpu_of_children()
        said = self.ask(port, questions, method, connection, connections, seconds)
        said.setdefault("client_seconds", cpu_of_children(before))
        said["per_second"] = said["requests"] / said["seconds"]
        said["client_busy"] = min(1, said["client_seconds"] / said["seconds"])
        return said

    def output(self, folder, command, seconds, environment=None):
        log = os.path.join(folder, "load.log")
        process = start(command, processor=self.processor, log=log, env={**os.environ, **(environment or {})})
        try:
            process.wait(seconds + PATIENCE)
        except subprocess.TimeoutExpired:
            sys.exit(f"{command[0]} did not end {PATIENCE} s after it should have")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        with open(log, encoding="utf-8", errors="replace") as file:
            return process.returncode, file.read()


class AvouchLoad(Tool):
    """`avouch load`: it looks at every answer."""

    name = "avouch load"

    @staticmethod
    def is_there():
        return subprocess.run([AVOUCH, "load", "--help"], capture_output=True, check=False).returncode == 0

    def version(self):
        return "of the same build"

    def words(self, port, questions, method, connection, pace, seconds, *more):
        if questions.index:
            which = ["--index", questions.index]
        elif questions.is_single:
            which = ["--serial", questions.serials[0]]
        else:
            path = questions.write("serials", "".join(serial + "\n" for serial in questions.serials).encode())
            which = ["--serials", path]
        report = os.path.join(questions.folder, "load.json")
        if os.path.exists(report):
            os.remove(report)
        # Without a warm-up: the server's processor time of it would be counted, its requests not.
        return report, [AVOUCH, "load", "--issuer", questions.issuer, *which, "--method", method, "--connection",
                        connection, *pace, "--duration", f"{seconds}s", "--warmup", "0s", "--quiet", "--json", report,
                        *more, f"http://127.0.0.1:{port}/"]

    def report(self, port, questions, method, connection, pace, seconds, *more):
        """The only run of a report of `avouch load`."""
        path, command = self.words(port, questions, method, connection, pace, seconds, *more)
        code, said = self.output(questions.folder, command, seconds)
        if code not in (0, 1) or not os.path.exists(path):
            sys.exit(f"avouch load: exit code {code}\n{said}")
        with open(path, encoding="utf-8") as file:
            return json.load(file)["runs"][0]

    def ask(self, port, questions, method, connection, connections, seconds):
        run = self.report(port, questions, method, connection, ["--connections", str(connections)], seconds)
        return summary(run)


def summary(run):
    """A run of a report of `avouch load`, as the other loads say it."""
    latency = run["latency"]
    return {"requests": run["answered"], "failures": run["failures"], "seconds": run["seconds"], "kinds": run["counts"],
            "p50_ms": latency["p50Nanoseconds"] / 1e6, "p99_ms": latency["p99Nanoseconds"] / 1e6,
            # Of the measured time alone: behind it signatures are verified.
            "client_seconds": run["clientProcessorSeconds"], "load_says": run["limit"]}


class Wrk(Tool):
    name = "wrk"

    def version(self):
        said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
        return said.split("[")[0].removeprefix("wrk").strip()

    def ask(self, port, questions, method, connection, connections, seconds):
        environment, words = {}, []
        url = f"http://127.0.0.1:{port}"
        if method == "get" and questions.is_single:
            url += target(questions.requests[0])
        else:
            lines = [target(one) if method == "get" else one.hex() for one in questions.requests]
            script = MANY_TARGETS if method == "get" else MANY_QUESTIONS
            words = ["-s", questions.write("ask.lua", script.encode())]
            environment["OCSP_REQUESTS"] = questions.write("requests", "".join(f"{line}\n" for line in lines).encode())
            url += "/"
        if connection == CLOSE:
            words += ["-H", "Connection: close"]
        _, said = self.output(
            questions.folder, ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *words, url], seconds,
            environment)
        found = re.search(r"(\d+) requests in (\S+),", said)
        if not found:
            sys.exit(f"wrk:\n{said}")
        kinds = dict(zip(("connect", "read", "write", "timeout"), map(int, re.findall(
            r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)[0]))) \
            if "Socket errors" in said else {}
        other = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
        if other:
            kinds["status"] = int(other[1])
        kinds = {kind: count for kind, count in kinds.items() if count}
        return {"requests": int(found[1]) - kinds.get("status", 0), "seconds": milliseconds(found[2]) / 1e3,
                "failures": sum(kinds.values()), "kinds": kinds,
                "p50_ms": quantile(50, said), "p99_ms": quantile(99, said)}


class ApacheBench(Tool):
    """One question alone."""

    name = "ab"

    def version(self):
        return output("ab", "-V").split("Version ")[1].split()[0]

    def ask(self, port, questions, method, connection, connections, seconds):
        if not questions.is_single:
            sys.exit("ab asks one question again and again; take another load")
        url, words = f"http://127.0.0.1:{port}/", []
        if method == "get":
            url = url[:-1] + target(questions.requests[0])
        else:
            words = ["-p", questions.write("body", questions.requests[0]), "-T", "application/ocsp-request"]
        if connection == KEEP_ALIVE:
            words.append("-k")
        table = os.path.join(questions.folder, "percentages")
        code, said = self.output(
            questions.folder, ["ab", "-q", "-l", "-c", str(connections), "-t", str(seconds), "-n", "100000000", "-s",
                               "5", "-e", table, *words, url], seconds)
        if code != 0:
            # It gives up at the first connection that breaks.
            sys.exit(f"ab:\n{said}")
        number = {name: int(count) for name, count in re.findall(
            r"^(Complete requests|Failed requests|Non-2xx responses):\s+(\d+)", said, re.MULTILINE)}
        kinds = {"failed": number.get("Failed requests", 0), "status": number.get("Non-2xx responses", 0)}
        kinds = {kind: count for kind, count in kinds.items() if count}
        with open(table, encoding="utf-8") as file:
            shares = dict(re.findall(r"^(\d+),([\d.]+)$", file.read(), re.MULTILINE))
        return {"requests": number["Complete requests"] - sum(kinds.values()), "failures": sum(kinds.values()),
                "seconds": float(re.search(r"Time taken for tests:\s+([\d.]+)", said)[1]), "kinds": kinds,
                "p50_ms": float(shares["50"]), "p99_ms": float(shares["99"])}


def choose(name, processor=None):
    """The load for each kind of connection. `auto` is `avouch load` where the build has it, else wrk, and ab for a
    connection a request."""
    if name == "auto":
        name = "avouch" if AvouchLoad.is_there() else "wrk"
    if name == "avouch":
        if not AvouchLoad.is_there():
            sys.exit(f"{AVOUCH} has no load command; take --load wrk")
        tools = {KEEP_ALIVE: AvouchLoad(processor), CLOSE: AvouchLoad(processor)}
    elif name == "wrk":
        tools = {KEEP_ALIVE: Wrk(processor), CLOSE: ApacheBench(processor)}
    else:
        tools = {KEEP_ALIVE: ApacheBench(processor), CLOSE: ApacheBench(processor)}
    packages = {"wrk": "wrk", "ab": "apache2-utils"}
    missing = {packages[tool.name] for tool in tools.values() if tool.name in packages and not shutil.which(tool.name)}
    if missing:
        sys.exit(f"the load is missing (Debian: {' '.join(sorted(missing))})")
    return tools


def add_argument(parser):
    parser.add_argument("--load", choices=("auto", "avouch", "wrk", "ab"), default="auto",
                        help="what asks: `avouch load`; to check it by: wrk (and ab for one request each), or ab")
