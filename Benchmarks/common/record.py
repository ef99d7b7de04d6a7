"""The record of a run, as Markdown and JSON: on which machine, when, of what commit; nothing that names the machine."""
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess

from .processes import ROOT

FORMAT = "avouch-benchmarks-1"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.MULTILINE)
    with open("/proc/meminfo", encoding="utf-8") as file:
        kibibytes = int(re.search(r"^MemTotal:\s+(\d+)", file.read(), re.MULTILINE)[1])
    with open("/etc/os-release", encoding="utf-8") as file:
        system = re.search(r'^PRETTY_NAME="?([^"\n]+)', file.read(), re.MULTILINE)
    return {"processors": os.cpu_count(), "model": model[1] if model else platform.machine(),
            "memory_mebibytes": kibibytes // 1024, "kernel": platform.release(),
            "system": system[1] if system else platform.system()}


def commit():
    """The commit that is checked out; `(changed)` where the files are no longer those of it."""
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    found = git("rev-parse", "HEAD")
    if found.returncode != 0:
        return "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/performance").stdout.strip()
    return found.stdout.strip() + (" (changed)" if changed else "")


def head():
    return {"format": FORMAT, "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
            "commit": commit(), "machine": machine()}


def where(record):
    """A line of Markdown: machine, date, commit."""
    found = record["machine"]
    return (f"{found['processors']} processors ({found['model']}), {found['memory_mebibytes'] / 1024:.0f} GiB, "
            f"{found['system']}, Linux {found['kernel']}; {record['date']}, commit {record['commit'][:12]}"
            f"{' (changed)' if record['commit'].endswith('(changed)') else ''}.")


def table(titles, rows):
    """A table of Markdown: numbers right, the first column left."""
    lines = ["| " + " | ".join(titles) + " |", "| --- |" + " ---: |" * (len(titles) - 1)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def write(prefix, record, markdown):
    """PREFIX.json and PREFIX.md."""
    path = pathlib.Path(prefix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(path.name + ".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    path.with_name(path.name + ".md").write_text(markdown.rstrip() + "\n", encoding="utf-8")
    print(f"written: {prefix}.md, {prefix}.json", flush=True)
