"""Processes of a benchmark and what they use of the machine: started so that none outlives it, looked at in /proc."""
import ctypes
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCHMARKS = ROOT / "Benchmarks"
FLOORS = BENCHMARKS / "floor"
# Another build is measured with AVOUCH=... in the environment.
AVOUCH = os.path.abspath(os.environ.get("AVOUCH", ROOT / ".build" / "release" / "avouch"))
# Set for scripts that are only to show that they work: they wait for no quiet, and measure nothing twice.
QUICK = "BENCH_QUICK"
# prctl(2): the signal that a process gets when the one that started it is gone.
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


# MARK: - Beginning and ending

def require(tools):
    """Looks for the program and for tools (name: Debian package); has SIGTERM end what was started, as Ctrl-C does."""
    missing = {package for tool, package in tools.items() if shutil.which(tool) is None}
    if missing:
        sys.exit(f"missing tools (Debian: {' '.join(sorted(missing))})")
    if not os.path.exists(AVOUCH):
        sys.exit(f"{AVOUCH} is missing; build first: make build")
    if "taskset" in tools and not {0, 1} <= os.sched_getaffinity(0):
        sys.exit("processors 0 and 1 are needed: one for the server, one for the load")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))


def start(command, *, processor=None, log=None, **options):
    """A server or a load, on one processor where it is named; its output goes to the file `log`, or nowhere.

    It ends with this process, even where this process is killed."""
    if processor is not None:
        command = ["taskset", "-c", str(processor), *command]
    with open(log or os.devnull, "w", encoding="utf-8") as file:
        return subprocess.Popen(
            [str(word) for word in command], **{"stdout": file, "stderr": file, "stdin": subprocess.DEVNULL, **options},
            preexec_fn=end_with_parent)


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end(process, seconds=20):
    """Asks a process to end, and makes it where it has not done so in time."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def compiled(folder, name, *flags):
    """A C program of Benchmarks/floor, built into the folder; its path."""
    path = os.path.join(folder, name)
    output("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, str(FLOORS / (name + ".c")), *flags)
    return path


def output(*command, **options):
    """What a command says; it is to end with exit code 0."""
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=end_with_parent, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}{done.stdout}")
    return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# MARK: - Processor time and memory

def cpu_seconds(pid):
    """User and system time of a process: all threads, its children, and those of them that have ended."""
    total, pids = 0, [pid]
    while pids:
        one = pids.pop()
        try:
            with open(f"/proc/{one}/stat", encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += sum(int(field) for field in fields[11:15])
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children", encoding="utf-8") as file:
                    pids += [int(child) for child in file.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            if one == pid:
                raise
            # A child that has ended since: its parent has its time.
    return total / os.sysconf("SC_CLK_TCK")


def pin(pid, processor):
    """Puts every thread of a process on one processor; those to come go where the one that starts them is."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {processor})


def memory(pid):
    """Octets, by the names of /proc/PID/status (VmRSS, VmHWM, RssAnon ...) and of smaps_rollup (Pss ...)."""
    found = {}
    for name in ("status", "smaps_rollup"):
        with open(f"/proc/{pid}/{name}", encoding="utf-8") as file:
            for line in file:
                words = line.split()
                if len(words) == 3 and words[2] == "kB":
                    found[words[0].rstrip(":")] = int(words[1]) * 1024
    return found


def cpu_of_children(before=None):
    """User and system time of all children that have ended, since an earlier look."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime - (before or 0)


# MARK: - Waiting

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
    if QUICK in os.environ:
        return
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
        if others <= most or QUICK in os.environ:
            return result
        print(f"  (others took {others:.1f} processors: "
              f"{'measured again' if attempt < attempts else 'this has to do'})", flush=True)
    return result
