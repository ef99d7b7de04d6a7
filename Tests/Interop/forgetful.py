"""A place in front of a responder that says once what is new, and then what it said at first."""
import http.server
import threading
import urllib.request


class Responder:
    """Passes GET requests on; of each target the first answer comes back once another one was given."""

    def __init__(self, server):
        first, told = {}, set()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = first.get(self.path)
                if body is None or self.path not in told:
                    with urllib.request.urlopen(server.url + self.path) as answer:
                        fresh = answer.read()
                    if body is None:
                        first[self.path] = body = fresh
                    elif fresh != body:
                        told.add(self.path)
                        body = fresh
                self.send_response(200)
                self.send_header("Content-Type", "application/ocsp-response")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.http.server_port}"

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
