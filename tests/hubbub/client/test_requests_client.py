"""The client of the second opinion: no redirects, no proxy, one error for whatever goes wrong."""

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import gevent
import pytest
import trustme

from hubbub.client.requests_client import client_of, requests_client
from hubbub.errors import ConnectError, Throttled, TlsError
from hubbub.options import resolve
from tests.twins.hostile import LIMITS, hostile_server, source_server


class Echo(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Set-Cookie", "session=1")
        self.end_headers()
        self.wfile.write(
            body
            + self.headers["X-All"].encode()
            + self.headers["X-One"].encode()
            + self.headers.get("Cookie", "").encode()
        )

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


def test_a_host_that_closes_without_an_answer_may_speak_tls():
    server = socket.create_server(("127.0.0.1", 0))

    def close():
        link, _ = server.accept()
        link.recv(4096)
        link.close()

    threading.Thread(target=close, daemon=True).start()
    with server, pytest.raises(ConnectError, match="without an answer: is it https://"):
        client_of(resolve({"host": f"http://127.0.0.1:{server.getsockname()[1]}"}))("GET", "/", {}, b"")


def test_a_redirect_is_an_answer(origin):
    request = client_of(resolve({"host": origin, "header": "X-All:a"}))
    assert request("POST", "/moved", {"X-One": "b"}, b"")[0] == 302


def test_no_answer_is_one_error(origin):
    request = client_of(resolve({"host": "http://127.0.0.1:1"}))
    with pytest.raises(ConnectError, match="ConnectionError"):
        request("GET", "/", {}, b"")


@pytest.fixture
def hostile():
    with hostile_server() as origin:
        yield origin


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/drip", "no whole answer in time"),
        ("/endless", "an answer longer than 8 MiB"),
        ("/bomb", "an answer longer than 8 MiB"),
        ("/head", "ConnectionError"),
        ("/interim", "more than 10 interim answers"),
        ("/chunks", "no whole answer in time"),
    ],
)
def test_an_answer_has_an_end_in_time_and_in_size(hostile, path, sentence):
    request = requests_client(hostile, {}, None, 0.5 if path in ("/drip", "/chunks") else 20)
    with pytest.raises(ConnectError, match=sentence):
        request("GET", path, {}, b"")


def test_a_compressed_answer_is_read_though_nobody_asked_for_it(hostile):
    assert requests_client(hostile, {}, None, 5)("GET", "/small", {}, b"") == (200, b"x" * 1000)


def test_an_account_does_not_send_the_cookies_of_another(origin):
    client = client_of(resolve({"host": origin, "header": "X-All:a"}))
    assert client("POST", "/cookie", {"X-One": "b"}, b"")[1] == b"ab"
    assert client("POST", "/cookie", {"X-One": "b"}, b"")[1] == b"ab"


@pytest.mark.parametrize("path", ["/chunks", "/endless"])
def test_others_have_their_turn_while_an_answer_comes(hostile, path):
    turns = []

    def count():
        while True:
            turns.append(1)
            gevent.sleep(0)

    counter = gevent.spawn(count)
    with pytest.raises(ConnectError):
        client_of(resolve({"host": hostile, "connect_timeout": "300ms"}))("GET", path, {}, b"")
    counter.kill()
    assert len(turns) > 10


@pytest.mark.parametrize(("kind", "seconds"), LIMITS)
def test_a_limit_says_when_to_come_again(kind, seconds):
    with hostile_server() as origin, pytest.raises(Throttled) as caught:
        requests_client(origin, {}, None, 2)("GET", f"/{kind}", {}, b"")
    assert (caught.value.retry_after_s, caught.value.detail, caught.value.status) == (seconds, "slow", 429)


def test_calls_come_from_the_source_addresses_in_turn():
    with source_server() as (origin, seen):
        request = client_of(resolve({"host": origin, "source_addresses": "127.0.0.2-127.0.0.3"}))
        for _ in range(4):
            assert request("GET", "/", {}, b"")[0] == 200
    assert seen == ["127.0.0.2", "127.0.0.3"] * 2


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def secure(authority, tmp_path):
    """A server whose certificate is for chat.test alone; its port, and the file of its authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("chat.test").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = HTTPServer(("127.0.0.1", 0), Echo)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, str(tmp_path / "ca.pem")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("trust", [{"ca_mode": "replace"}, {"ca_mode": "add"}, {"insecure": "yes", "ca": ""}])
def test_what_is_trusted_is_what_the_options_say(secure, trust):
    port, ca = secure
    told = {"host": f"https://chat.test:{port}", "resolve": f"chat.test:{port}:127.0.0.1", "header": "X-All:a"}
    request = client_of(resolve(told | {"ca": ca} | trust))
    assert request("POST", "/x", {"X-One": "b"}, b"body-") == (200, b"body-ab")


def test_without_its_authority_a_certificate_is_not_trusted(secure):
    port, _ = secure
    told = {"host": f"https://chat.test:{port}", "resolve": f"chat.test:{port}:127.0.0.1"}
    with pytest.raises(TlsError, match="certificate not trusted"):
        client_of(resolve(told))("POST", "/x", {}, b"")


def test_the_next_address_is_tried(origin):
    port = int(origin.rpartition(":")[2])
    told = {"host": f"http://chat.test:{port}", "resolve": f"chat.test:{port}:127.0.0.9,[::1],127.0.0.1"}
    request = client_of(resolve(told | {"header": "X-All:a"}))
    assert request("POST", "/x", {"X-One": "b"}, b"body-") == (200, b"body-ab")
