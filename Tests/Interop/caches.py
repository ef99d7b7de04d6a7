"""Caches in front of Avouch: Varnish and nginx as docs/cdn has them, and a server that records what it is told."""
import http.client
import http.server
import json
import re
import socket
import subprocess
import threading

import avouch
from redis_servers import HOST, free_port

TEMPLATES = avouch.ROOT / "docs" / "cdn"


def replaced(text, *pairs):
    """With each pattern found once at least, so that a template that changes is noticed."""
    for pattern, replacement in pairs:
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count, f"{pattern} is not in the template"
    return text


class Cache:
    """A process that caches, from its making to the end of the `with` around it."""

    def __init__(self, folder, backend):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.backend = backend
        self.log = folder / "log"
        self.process = None
        self.port = free_port()
        self.start()

    @property
    def url(self):
        return f"http://{HOST}:{self.port}"

    def start(self):
        with self.log.open("a") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        avouch.wait_until(lambda: self.is_listening() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    def is_listening(self):
        with socket.socket() as client:
            return client.connect_ex((HOST, self.port)) == 0

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(avouch.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def fetch(self, method, target, **fields):
        """Status, fields and body."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=avouch.PATIENCE)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": "ocsp.example", **fields}.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


class Varnish(Cache):
    def __init__(self, folder, backend, *, uses_xkey=False):
        self.uses_xkey = uses_xkey
        super().__init__(folder, backend)

    def command(self):
        text = replaced((TEMPLATES / "varnish.vcl").read_text(), (r'\.port = "8080"', f'.port = "{self.backend}"'))
        if self.uses_xkey:
            text = replaced(text, ("# With xkey: ", ""))
        vcl = self.folder / "varnish.vcl"
        vcl.write_text(text)
        # Under a name of its own: several run at once. Without a jail: its user could not read a test's folder.
        return ["varnishd", "-F", "-j", "none", "-n", str(self.folder / "work"), "-a", f"{HOST}:{self.port}",
                "-f", str(vcl), "-s", "malloc,32m", "-p", "vcc_allow_inline_c=off"]


class Nginx(Cache):
    def command(self):
        inside = replaced(
            (TEMPLATES / "nginx.conf").read_text(), ("/var/cache/nginx/ocsp", str(self.folder / "cache")),
            ("127.0.0.1:8080", f"{HOST}:{self.backend}"), ("listen 80", f"listen {HOST}:{self.port}"))
        temporary = "".join(
            f"{kind}_temp_path {self.folder}/{kind};\n" for kind in
            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        file = self.folder / "nginx.conf"
        file.write_text(f"""
            load_module /usr/lib/nginx/modules/ngx_http_cache_purge_module.so;
            daemon off;
            user root;
            worker_processes 1;
            pid {self.folder}/pid;
            error_log stderr info;
            events {{ worker_connections 256; }}
            http {{ access_log off; {temporary} {inside} }}
            """)
        return ["nginx", "-p", str(self.folder), "-e", "stderr", "-c", str(file)]


class Recorder:
    """A CDN's interface that records what it is told; `answer` says what it thinks of a request."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def take(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Recorded(self.command, self.path, self.headers, body)
                owner.requests.append(request)
                status, said, *fields = owner.answer(request)
                octets = json.dumps(said).encode()
                self.send_response(status)
                for name, value in [*fields, ("Content-Length", str(len(octets)))]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(octets)

            do_POST = do_GET = do_PURGE = do_DELETE = do_BAN = take

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://{HOST}:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Recorded:
    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)
