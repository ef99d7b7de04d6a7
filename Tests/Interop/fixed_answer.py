"""A web server that gives one answer to everything, for what no responder of ours would say."""
import http.server
import threading


class FixedAnswer:
    """`url` while it runs; `earlier` are the status codes of the answers before all others."""

    def __init__(self, body, status=200, content_type="application/ocsp-response", earlier=(), fields=()):
        codes = list(earlier)
        self.hosts = hosts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(codes.pop(0) if codes else status)
                hosts.append(self.headers["Host"])
                for name, value in fields:
                    self.send_header(name, value)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
