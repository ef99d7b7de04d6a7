"""The servers that answer the same question: Avouch, a C program that parses nothing, nginx, `openssl ocsp`, cfssl.

Each has start(setting), port(cell), and `lacks`: why it does not do a cell (of a method and a kind of connection)."""
import base64
import calendar
import os
import socket
import subprocess
import time
import urllib.parse

from common.loads import CLOSE, KEEP_ALIVE, target
from common.processes import compiled, end, free_port, output, start, wait_until

CELLS = tuple((method, connection) for connection in (KEEP_ALIVE, CLOSE) for method in ("get", "post"))
# Those that a server writes itself, or that nginx makes out of the file.
OWN_FIELDS = ("content-type", "content-length", "date", "last-modified", "connection")


def ask(port, request, cell):
    """A whole answer: head and body, as octets, to one question over a connection of its own."""
    method, connection = cell
    last = b"Connection: close\r\n" if connection == CLOSE else b""
    if method == "get":
        octets = b"GET %s HTTP/1.1\r\nHost: bench\r\n%s\r\n" % (target(request).encode(), last)
    else:
        octets = (b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/ocsp-request\r\n"
                  b"Content-Length: %d\r\n%s\r\n%s" % (len(request), last, request))
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(octets)
        said = b""
        while (piece := client.recv(1 << 16)):
            said += piece
            head, mark, body = said.partition(b"\r\n\r\n")
            if mark and len(body) >= int(dict(fields(head)).get("content-length", 1 << 30)):
                break
    return said


def fields(head):
    """Names in lower case, and values."""
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()


class Setting:
    """What is asked, and the answers of Avouch, which others are to give as they are."""

    def __init__(self, folder, authority, questions, processor):
        self.folder, self.authority, self.questions, self.processor = folder, authority, questions, processor
        self.answers = {}  # by cell

    @property
    def request(self):
        return self.questions.requests[0]

    def path(self, name):
        return os.path.join(self.folder, name)


class Server:
    """One process on the servers' processor, unless it says otherwise."""

    connections = None  # fewer than the others take, where they must be
    rests = False  # whether it runs for a round alone
    signs = False  # whether it makes an answer of its own, where others give Avouch's
    lacks = {}

    def __init__(self):
        self.processes = []
        self.number = None

    def port(self, _cell):
        return self.number

    def process(self, _cell):
        return self.processes[0]

    def run(self, setting, command, **options):
        self.number = self.number or free_port()
        log = setting.path(self.name + ".log")
        self.processes.append(start(command, processor=setting.processor, log=log, **options))

    def wait(self, setting):
        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.number)) == 0
        wait_until(listens, f"{self.name} (see {setting.path(self.name + '.log')})", self.processes[-1])

    def wake(self, setting):
        """Before each round."""

    def rest(self):
        """After each round."""

    def stop(self):
        for process in self.processes:
            end(process)
        self.processes = []


class Avouch(Server):
    name, what = "avouch", "Avouch, one worker, the answer signed ahead"

    def start(self, setting):
        authority = setting.authority
        self.number = authority.write_origin("serving", workers=1)
        self.node = authority.start("serving", processor=setting.processor)
        self.processes.append(self.node.process)
        self.node.wait_until_ready()
        for cell in CELLS:
            setting.answers[cell] = ask(self.number, setting.request, cell)


class Floor(Server):
    """A process for each cell, since it writes what it was given and no more; those that nobody asks sleep."""

    name, what = "floor", "a C loop on epoll that parses nothing and writes the same octets"

    def start(self, setting):
        program = compiled(setting.folder, "floor")
        self.by_cell = {}
        for cell, answer in setting.answers.items():
            path = setting.path("-".join(cell))
            with open(path, "wb") as file:
                file.write(answer)
            self.number = free_port()
            closing = ["close"] if cell[1] == CLOSE else []
            self.run(setting, [program, str(self.number), path, str(setting.processor), *closing])
            self.wait(setting)
            self.by_cell[cell] = (self.number, self.processes[-1])

    def port(self, cell):
        return self.by_cell[cell][0]

    def process(self, cell):
        return self.by_cell[cell][1]


class Nginx(Server):
    name, what = "nginx", "nginx, one worker, the same answer as a file, held open"
    lacks = {(method, connection): "it serves files to GET and HEAD alone"
             for method, connection in CELLS if method == "post"}
    CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections 4096; multi_accept on; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    sendfile on;
    tcp_nopush on;
    server_tokens off;
    etag off;
    max_ranges 0;
    merge_slashes off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    types {{ }}
    default_type application/ocsp-response;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {folder}/files;
{fields}
    }}
}}
"""

    def start(self, setting):
        folder = setting.path("nginx")
        head, _, body = setting.answers["get", KEEP_ALIVE].partition(b"\r\n\r\n")
        # Base64 has slashes, which are folders here.
        file = folder + "/files" + urllib.parse.unquote(target(setting.request))
        os.makedirs(os.path.dirname(file))
        with open(file, "wb") as answer:
            answer.write(body)
        found = dict(fields(head))
        modified = calendar.timegm(time.strptime(found["last-modified"], "%a, %d %b %Y %H:%M:%S GMT"))
        os.utime(file, (modified, modified))
        self.number = free_port()
        lines = "\n".join(f"        add_header {name} '{value}';" for name, value in found.items()
                          if name not in OWN_FIELDS)
        with open(folder + "/conf", "w", encoding="utf-8") as conf:
            conf.write(self.CONFIGURATION.format(folder=folder, port=self.number, fields=lines))
        self.run(setting, ["nginx", "-p", folder, "-e", "stderr", "-c", folder + "/conf"])
        self.wait(setting)


class OpenSSL(Server):
    """Takes one connection after another, and has room for few that wait.

    It runs for a round alone: a connection that ends without a question keeps it busy for ever (OpenSSL 3.0), on
    the others' processor."""

    name, what = "openssl", "openssl ocsp, which signs every answer"
    connections, rests, signs = 8, True, True
    lacks = {(method, KEEP_ALIVE): "it ends each connection after one answer" for method in ("get", "post")}

    def start(self, setting):
        self.shim = compiled(setting.folder, "loopback", "-shared", "-fPIC", "-ldl")
        self.wake(setting)

    def wake(self, setting):
        if self.processes:
            return
        path = setting.authority.path
        self.number = free_port()
        self.run(setting, ["openssl", "ocsp", "-index", path("index.txt"), "-port", str(self.number), "-CA",
                           path("ca.pem"), "-rsigner", path("ocsp.pem"), "-rkey", path("ocsp.key"), "-ignore_err",
                           "-nmin", "4320"], env={**os.environ, "LD_PRELOAD": self.shim})

        def waits():
            with open(setting.path("openssl.log"), encoding="utf-8") as log:
                return "waiting for OCSP client connections" in log.read()
        # To connect in order to see whether it listens would be its end.
        wait_until(waits, "openssl ocsp", self.processes[0])

    def rest(self):
        self.stop()


class CFSSL(Server):
    """The responder in Go that Boulder's began with."""

    name, what = "cfssl", "cfssl ocspserve, the same answer out of its memory"

    def start(self, setting):
        body = setting.answers["get", KEEP_ALIVE].partition(b"\r\n\r\n")[2]
        with open(setting.path("responses"), "wb") as file:
            file.write(base64.b64encode(body))
        self.number = free_port()
        self.run(setting, ["cfssl", "ocspserve", "-address", "127.0.0.1", "-port", str(self.number), "-responses",
                           setting.path("responses"), "-loglevel", "5"])
        self.wait(setting)


# In this order: the others give the answers of the first.
SERVERS = {server.name: server for server in (Avouch, Floor, Nginx, OpenSSL, CFSSL)}
TOOLS = {"floor": {"cc": "gcc libc6-dev"}, "nginx": {"nginx": "nginx"}, "openssl": {"cc": "gcc libc6-dev"},
         "cfssl": {"cfssl": "golang-cfssl"}}


def version(name):
    """As the server says it; None for those of this build."""
    if name == "nginx":
        said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
        return said.strip().rpartition("/")[2]
    if name == "openssl":
        return output("openssl", "version").split()[1]
    if name == "cfssl":
        return output("cfssl", "version").split()[1]
    return None
