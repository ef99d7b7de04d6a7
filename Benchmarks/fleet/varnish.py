"""Varnish in front of a node, as docs/cdn/varnish.vcl has it."""
import os
import re
import sys

from common.processes import ROOT, end, free_port, start, wait_until

TEMPLATE = ROOT / "docs" / "cdn" / "varnish.vcl"


class Varnish:
    """Caches what the node at `backend` answers; with xkey it forgets by key at once, without a list of bans."""

    def __init__(self, folder, name, *, uses_xkey=False):
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.uses_xkey = uses_xkey
        self.port = free_port()
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, backend):
        with open(TEMPLATE) as file:
            text, count = re.subn(r'\.port = "8080"', f'.port = "{backend}"', file.read())
        if count != 1:
            sys.exit(f"{TEMPLATE}: the port of the backend is not there")
        if self.uses_xkey:
            text = text.replace("# With xkey: ", "")
        path = os.path.join(self.folder, "vcl")
        with open(path, "w") as file:
            file.write(text)
        # Without a jail: its user could not read the folder.
        self.process = start(
            ["varnishd", "-F", "-j", "none", "-n", os.path.join(self.folder, "work"), "-a",
             f"127.0.0.1:{self.port}", "-f", path, "-s", "malloc,256m"], log=os.path.join(self.folder, "log"))
        wait_until(self.listens, f"varnishd (see {self.folder}/log)", self.process)

    def listens(self):
        import socket
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process is not None:
            end(self.process)
