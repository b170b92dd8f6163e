"""An HTTP server that answers as no friend would."""

import gzip
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMITS = [
    *[("limit", None), ("limit-30", 30.0), ("limit-soon", None), ("limit-999999", 3600.0)],
    ("limit-Wed,_21_Oct_2015_07:28:00_GMT", 0.0),
]
"""Answers 429 by path, and in how many seconds they say that one may come again."""


class Hostile(BaseHTTPRequestHandler):
    """Drips, floods and inflates, as the path says."""

    def do_GET(self):
        kind = self.path[1:]
        if kind == "silent":
            self.server.is_over.wait(5)
            return
        if kind == "junk":
            self.wfile.write(b"what?\r\n\r\n")
            self.close_connection = True
            return
        if kind.startswith("limit"):
            self.send_response(429)
            if kind != "limit":
                self.send_header("Retry-After", kind.removeprefix("limit-").replace("_", " "))
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"slow")
            return
        if kind in ("interim", "head"):
            again = b"HTTP/1.1 100 Continue\r\n\r\n" if kind == "interim" else b"X-More: 1\r\n"
            self.fill(b"HTTP/1.1 200 OK\r\n" if kind == "head" else b"", again)
            return
        self.send_response(200)
        if kind == "chunks":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.fill(b"", b"1\r\nx\r\n")
            return
        if kind in ("bomb", "small"):
            body = gzip.compress(b"x" * (64 << 20 if kind == "bomb" else 1000))
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.end_headers()
        with suppress(OSError):
            while not self.server.is_over.is_set():
                self.wfile.write(b"x" * (1 << 20) if kind == "endless" else b"x")
                if kind == "drip":
                    self.server.is_over.wait(0.05)

    def fill(self, first, again):
        """Write something once and something else for ever, as fast as it is read."""
        with suppress(OSError):
            self.wfile.write(first)
            while not self.server.is_over.is_set():
                self.wfile.write(again * 10_000)

    def log_message(self, *_):
        pass


@contextmanager
def hostile_server():
    """Serves until the context is left; gives its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.daemon_threads = True
    server.is_over = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.is_over.set()
    server.shutdown()
    server.server_close()


@contextmanager
def source_server():
    """Closes each connection after one answer; gives its origin, and the addresses that calls came from."""
    seen = []

    class Noting(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.client_address[0])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Noting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()
