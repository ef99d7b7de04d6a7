"""Servers of a benchmark: Redis and nodes of Avouch, on loopback ports of their own, ended whatever happens."""
import os
import re
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
AVOUCH = os.path.join(HERE, "..", "..", ".build", "release", "avouch")


def output(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}{done.stdout}")
    return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """User and system time of a process, all threads."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_children(before=None):
    """User and system time of all children that have ended, since an earlier look."""
    times = os.times()
    return times.children_user + times.children_system - (before or 0)


def wait_until(is_there, what, process=None, seconds=120):
    end = time.monotonic() + seconds
    while not is_there():
        if process is not None and process.poll() is not None:
            sys.exit(f"{what}: the process has ended, exit code {process.returncode}")
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def wait_for_quiet(most=0.3, seconds=20):
    """Waits until nothing else keeps the processors busy: what others do in the meantime would be measured too."""
    end = time.monotonic() + seconds
    while (busy := busy_processors(0.5)) > most:
        if time.monotonic() > end:
            print(f"  (something else keeps {busy:.1f} processors busy: measuring nevertheless)", flush=True)
            return
        time.sleep(0.5)


def busy_seconds():
    """What all processors have done so far, whoever for."""
    with open("/proc/stat") as file:
        fields = [int(field) for field in file.readline().split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:8])) / os.sysconf("SC_CLK_TCK")


def busy_processors(seconds):
    before = busy_seconds()
    time.sleep(seconds)
    return (busy_seconds() - before) / seconds


def undisturbed(measure, *servers, most=0.25, attempts=4):
    """What `measure` gives, measured again while others take more than so much of a processor from it.

    The servers' processor time, this process's and that of its children count as its own."""
    def own():
        return sum(cpu_seconds(server.pid) for server in servers) + sum(os.times()[:4])
    for attempt in range(1, attempts + 1):
        wait_for_quiet()
        began, busy, mine = time.monotonic(), busy_seconds(), own()
        result = measure()
        others = (busy_seconds() - busy - (own() - mine)) / (time.monotonic() - began)
        if others <= most:
            return result
        print(f"  (others took {others:.1f} processors: "
              f"{'measured again' if attempt < attempts else 'this has to do'})", flush=True)
    return result


class Redis:
    """A server that keeps nothing on the disk."""

    def __init__(self, folder):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.log = open(os.path.join(folder, "redis.log"), "w")
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", folder],
            stdout=self.log, stderr=self.log)
        wait_until(self.answers, "redis-server", self.process)
        self.connection = socket.create_connection(("127.0.0.1", self.port), 10)
        self.reader = self.connection.makefile("rb")

    @property
    def pid(self):
        return self.process.pid

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def call(self, *words):
        """A command; integers, octets and lists of them come back."""
        octets = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.connection.sendall(b"*%d\r\n" % len(octets) + b"".join(b"$%d\r\n%s\r\n" % (len(o), o) for o in octets))
        return self.reply()

    def reply(self):
        line = self.reader.readline().rstrip()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"-":
            sys.exit(f"Redis: {rest.decode()}")
        return int(rest) if kind == b":" else rest

    def empty(self):
        self.call("FLUSHALL", "SYNC")
        self.call("CONFIG", "RESETSTAT")

    def calls(self):
        """By command: how often, and microseconds a call inside Redis."""
        found = re.findall(r"cmdstat_(\S+?):calls=(\d+),usec=\d+,usec_per_call=([\d.]+)",
                           self.call("INFO", "commandstats").decode())
        return {name: (int(count), float(each)) for name, count, each in found}

    def stop(self):
        self.connection.close()
        end(self.process)


class Node:
    """`avouch serve`, with an HTTP port and a control socket."""

    def __init__(self, folder, configuration):
        self.name = os.path.basename(configuration).removesuffix(".json5")
        self.control = os.path.join(folder, self.name + ".control")
        self.log_path = os.path.join(folder, self.name + ".log")
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([AVOUCH, "serve", "--config", configuration], stdout=log, stderr=log,
                                            cwd=folder)

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        with open(self.log_path) as log:
            return log.read()

    def wait_until_ready(self):
        wait_until(lambda: "ready:" in self.said(), f"{self.name} (see {self.log_path})", self.process)

    def metrics(self):
        """Values by name and labels, over a socket: a program started for each look would take time from what is
        measured."""
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.settimeout(5)
                control.connect(self.control)
                control.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                said = b""
                while piece := control.recv(1 << 16):
                    said += piece
        except OSError:
            return {}  # it does not listen yet
        return {name: float(value) for name, value in re.findall(r"^(avouch\S+) (\S+)$", said.decode(), re.MULTILINE)}

    def metric(self, name):
        return self.metrics().get(name, 0)

    def stop(self):
        end(self.process)


def end(process):
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
