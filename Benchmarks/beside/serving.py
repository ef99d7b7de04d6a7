"""HTTP serving of one answer, server beside server: they take turns, the server on one processor, the load on another.

The figure is a server's own processor time a request, all its threads and children in it, and its ratio to that of the
floor in the same round."""
import statistics
import sys

from common import loads
from common.authority import Authority
from common.processes import cpu_seconds, undisturbed
from .servers import CELLS, SERVERS, Setting, ask, version

NAME = "serving"
CERTIFICATES = 1000
SERVER_PROCESSOR, LOAD_PROCESSOR = 0, 1
# Of Avouch's processor time a request, in floors.
BOUNDS = {("get", loads.KEEP_ALIVE): 1.10, ("post", loads.KEEP_ALIVE): 1.15, ("get", loads.CLOSE): 1.10,
          ("post", loads.CLOSE): 1.10}
# From so much of its processor on a side has no time left.
BUSY = 0.95
MEDIANS = ("server_us", "ratio", "per_second", "p50_ms", "p99_ms", "client_us", "server_busy", "client_busy")


class Serving:
    """`names` are those of the servers; the first is Avouch, whose answers the others give."""

    def __init__(self, folder, arguments):
        self.arguments = arguments
        self.tools = loads.choose(arguments.load, LOAD_PROCESSOR)
        authority = Authority(folder, CERTIFICATES)
        authority.write_origin("serving")
        authority.import_index("serving")
        serial = authority.good[0]
        questions = loads.Questions(folder, authority.path("ca.pem"), [serial], list(authority.requests([serial])))
        self.setting = Setting(folder, authority, questions, SERVER_PROCESSOR)
        self.servers = [SERVERS[name]() for name in SERVERS if name in arguments.only]
        self.lacks = {}

    def run(self):
        try:
            for server in self.servers:
                server.start(self.setting)
                for cell in CELLS:
                    self.lacks[server.name, cell] = server.lacks.get(cell) or self.refusal(server, cell)
                server.rest()
            results = [self.cell(cell) for cell in CELLS]
        finally:
            for server in reversed(self.servers):
                server.stop()
        return {"processors": {"server": SERVER_PROCESSOR, "load": LOAD_PROCESSOR},
                "rounds": self.arguments.rounds, "seconds": self.arguments.seconds,
                "servers": {server.name: {"what": server.what, "version": version(server.name)}
                            for server in self.servers},
                "load": {kind: {"name": tool.name, "version": tool.version()} for kind, tool in self.tools.items()},
                "cells": results}

    def refusal(self, server, cell):
        """Why a server does not give the answer, by what it says when it is asked; None where it does."""
        try:
            answer = ask(server.port(cell), self.setting.request, cell)
        except OSError as error:
            sys.exit(f"{server.name} does not answer a question by {cell[0].upper()}, {cell[1]}: {error}")
        head, _, body = answer.partition(b"\r\n\r\n")
        line = head.partition(b"\r\n")[0]
        if b" 200 " not in line + b" ":
            return f"it refuses this question ({line.decode('latin-1')})"
        same = self.setting.answers[cell].partition(b"\r\n\r\n")[2]
        serial = bytes.fromhex(self.setting.questions.serials[0])
        if (serial not in body) if server.signs else (body != same):
            sys.exit(f"{server.name} gives another answer by {cell[0].upper()}, {cell[1]}")
        return None

    def cell(self, cell):
        method, connection = cell
        print(f"{method.upper()}, {connection}:", flush=True)
        measured = {server.name: [] for server in self.servers if not self.lacks[server.name, cell]}
        dropped = 0 if self.arguments.quick else 1
        for number in range(self.arguments.rounds + dropped):
            this = {}
            for server in self.servers:
                if server.name in measured:
                    this[server.name] = self.measure(server, cell)
            if number < dropped:
                continue  # it warms all of them up
            for name, result in this.items():
                if "floor" in this:
                    result["ratio"] = result["server_us"] / this["floor"]["server_us"]
                measured[name].append(result)
            print(f"  round {number + 1 - dropped}: " + ", ".join(
                f"{name} {result['server_us']:.2f} us {result['per_second']:.0f}/s" for name, result in this.items()),
                flush=True)
        rows = [self.row(server, cell, measured.get(server.name)) for server in self.servers]
        return {"method": method, "connection": connection, "connections": self.arguments.connections,
                "octets": len(self.setting.answers[cell]), "load": self.tools[connection].name, "dropped": dropped,
                "servers": rows}

    def measure(self, server, cell):
        method, connection = cell
        connections = min(self.arguments.connections, server.connections or self.arguments.connections)

        def once():
            server.wake(self.setting)
            try:
                pid = server.process(cell).pid
                before = cpu_seconds(pid)
                result = self.tools[connection].run(
                    server.port(cell), self.setting.questions, method, connection, connections, self.arguments.seconds)
                used = cpu_seconds(pid) - before
            finally:
                server.rest()
            count = result["requests"]
            if count == 0:
                sys.exit(f"{server.name} answered nothing: {result['kinds']}")
            return {**result, "connections": connections, "server_us": used / count * 1e6,
                    "client_us": result["client_seconds"] / count * 1e6,
                    "server_busy": min(1, used / result["seconds"])}
        # What rests between rounds has ended by then, and counts as a child that has.
        return undisturbed(once, *([] if server.rests else [server.process(cell)]))

    def row(self, server, cell, rounds):
        if rounds is None:
            return {"name": server.name, "lacks": self.lacks[server.name, cell]}
        row = {"name": server.name, "connections": rounds[0]["connections"], "kinds": {},
               "requests": sum(one["requests"] for one in rounds), "failures": sum(one["failures"] for one in rounds)}
        for one in rounds:
            for kind, count in one["kinds"].items():
                row["kinds"][kind] = row["kinds"].get(kind, 0) + count
        for name in MEDIANS:
            values = [one[name] for one in rounds if name in one]
            if values:
                row[name] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        row["limit"] = limit(row["server_busy"]["median"], row["client_busy"]["median"])
        if server.name == "avouch" and "ratio" in row:
            row["bound"] = BOUNDS[cell]
            row["is_kept"] = row["ratio"]["median"] <= row["bound"]
        row["rounds"] = rounds
        return row


def limit(server, client):
    """Which side had no time left, by how much of its processor each used."""
    if client >= BUSY and server < BUSY:
        return "client"
    return "server" if server >= BUSY else "neither"


# MARK: - As tables

def markdown(result, record):
    parts = []
    for cell in result["cells"]:
        method, connection = cell["method"].upper(), cell["connection"]
        title = "kept alive" if connection == loads.KEEP_ALIVE else "one request each"
        tool = result["load"][connection]
        parts.append(f"### {method}, connections {title}\n\n{cell['octets']} octets an answer of Avouch, "
                     f"{cell['connections']} connections; load: {tool['name']} ({tool['version']}).\n\n"
                     + table(cell, record) + notes(cell))
    return "\n\n".join(parts)


def table(cell, record):
    rows = []
    for row in cell["servers"]:
        if "lacks" in row:
            rows.append([row["name"], "n/a"] + [""] * 7)
            continue
        ratio = spread(row["ratio"], 2) if "ratio" in row else ""
        if "bound" in row:
            ratio += f", bound {row['bound']:.2f}: {'kept' if row['is_kept'] else 'not kept'}"
        rows.append([row["name"], spread(row["server_us"], 2), ratio, spread(row["per_second"], 0),
                     f"{row['p50_ms']['median']:.2f}", f"{row['p99_ms']['median']:.2f}", row["failures"],
                     f"{row['client_us']['median']:.2f}",
                     {"client": "the client", "server": "the server", "neither": "neither"}[row["limit"]]])
    return record.table(["server", "µs of processor time a request", "ratio to the floor", "requests a second",
                         "p50, ms", "p99, ms", "failures", "client, µs a request", "limited by"], rows)


def spread(value, digits):
    return f"{value['median']:.{digits}f} ({value['min']:.{digits}f} to {value['max']:.{digits}f})"


def notes(cell):
    lines = [f"{row['name']}: n/a, {row['lacks']}." for row in cell["servers"] if "lacks" in row]
    lines += [f"{row['name']}: asked over {row['connections']} connections." for row in cell["servers"]
              if row.get("connections", cell["connections"]) != cell["connections"]]
    lines += [f"{row['name']}: failures {', '.join(f'{kind} {count}' for kind, count in row['kinds'].items())}."
              for row in cell["servers"] if row.get("failures")]
    return "".join("\n\n" + line for line in [" ".join(lines)] if line)
