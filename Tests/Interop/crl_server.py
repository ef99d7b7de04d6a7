"""A web server for CRLs that knows conditional requests, and that can be as bad as servers are."""
import hashlib
import http.server
import ssl
import threading


class CRLServer:
    """`url` while it runs. What it says is in its attributes, and may be changed at any time."""

    def __init__(self, body=b"", port=0, certificate=None):
        self.body = body
        # Instead of the body: a status alone, a place to go, a body without end or without answer.
        self.status = None
        self.location = None
        self.is_endless = False
        self.has_length = True
        self.hangs = False
        self.closing = threading.Event()
        self.requests = []
        self.sent = 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                # A connection that was kept outlives the server's end, which is to be that of all.
                if owner.closing.is_set():
                    self.close_connection = True
                    return
                owner.requests.append((self.client_address, dict(self.headers)))
                owner.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.port = self.server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}/ca.crl"

    @property
    def entity_tag(self):
        return '"' + hashlib.sha256(self.body).hexdigest()[:16] + '"'

    def answer(self, request):
        if self.hangs:
            self.closing.wait()
            request.close_connection = True
        elif self.location:
            self.head(request, 302, ("Location", self.location), ("Content-Length", "0"))
        elif self.status:
            self.head(request, self.status, ("Content-Length", "0"))
        elif request.headers.get("If-None-Match") == self.entity_tag:
            self.head(request, 304, ("ETag", self.entity_tag))
        elif self.is_endless:
            self.head(request, 200, ("Connection", "close"))
            request.close_connection = True
            try:
                while not self.closing.is_set():
                    self.sent += request.wfile.write(bytes(65536))
            except OSError:
                pass
        else:
            self.head(request, 200, ("ETag", self.entity_tag), ("Content-Length", str(len(self.body))))
            try:
                request.wfile.write(self.body)
            except OSError:
                pass

    @staticmethod
    def head(request, status, *fields):
        request.send_response(status)
        for name, value in fields:
            request.send_header(name, value)
        request.end_headers()

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
