"""A server under callgrind: instructions and calls of the thread that answers, request by request."""
import collections
import glob
import os
import re
import subprocess


def cost(path):
    """Instructions in all, and how often each function was called, in one dump."""
    names, calls, total, called, is_inclusive = {}, collections.Counter(), 0, None, False

    def name(text):
        number, rest = re.fullmatch(r"\((\d+)\)(?: (.*))?", text).groups()
        if rest:
            names[number] = rest
        return names.get(number, number)

    with open(path) as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("fn="):
                name(line[3:])
                is_inclusive = False
            elif line.startswith("cfn="):
                called = name(line[4:])
            elif line.startswith("calls="):
                calls[called] += int(line[6:].split()[0])
                is_inclusive = True
            elif re.match(r"[+\-*\d]", line):
                if is_inclusive:
                    # What the callee cost, which is counted there.
                    is_inclusive = False
                    continue
                words = line.split()
                total += int(words[1]) if len(words) > 1 else 0
    return total, calls


class Callgrind:
    """Starts a program; `measure` gives what the busiest thread did meanwhile."""

    def __init__(self, folder, command, environment, output):
        self.prefix = os.path.join(folder, "callgrind")
        self.process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={self.prefix}",
             *command], env=environment, stdout=output, stderr=subprocess.STDOUT)

    def control(self, flag):
        subprocess.run(["callgrind_control", flag, str(self.process.pid)], check=True, capture_output=True)

    def measure(self, body):
        self.control("-z")
        body()
        self.control("-d")
        found = [cost(path) for path in glob.glob(self.prefix + ".*-*")]
        for path in glob.glob(self.prefix + ".*"):
            os.remove(path)
        return max(found, key=lambda each: each[0])

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
