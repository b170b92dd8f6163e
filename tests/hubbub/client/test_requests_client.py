"""The client of the second opinion: no redirects, no proxy, one error for whatever goes wrong."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hubbub.client.requests_client import client_of
from hubbub.errors import ConnectError
from hubbub.options import resolve


class Echo(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(body + self.headers["X-All"].encode() + self.headers["X-One"].encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def origin():
    server = HTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_call_has_the_headers_of_the_run_and_its_own(origin, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    request = client_of(resolve({"host": origin, "header": "X-All:a"}))
    assert request("POST", "/x", {"X-One": "b"}, b"body-") == (200, b"body-ab")


def test_a_redirect_is_an_answer(origin):
    request = client_of(resolve({"host": origin, "header": "X-All:a"}))
    assert request("POST", "/moved", {"X-One": "b"}, b"")[0] == 302


def test_no_answer_is_one_error(origin):
    request = client_of(resolve({"host": "http://127.0.0.1:1"}))
    with pytest.raises(ConnectError, match="ConnectionError"):
        request("GET", "/", {}, b"")
