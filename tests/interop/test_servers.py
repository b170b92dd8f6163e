"""The transport against servers that are not ours: the `websockets` library and Node's ws, with TLS and deflate."""

import sys
from pathlib import Path

import gevent
import pytest
import trustme
from gevent.event import Event

from hubbub.errors import ConnectError
from hubbub.transport.base import Dialling
from hubbub.transport.socket import SocketTransport
from hubbub.transport.tls import make_ssl_context

HERE = Path(__file__).resolve().parent
SERVERS = {
    "websockets": [sys.executable, str(HERE / "websockets_server.py")],
    "ws": ["node", str(HERE / "ws_server.mjs")],
}
SIZES = (125, 126, 65535, 65536, 300_000)
TEXTS = ["", "x", "hello", "ünïcödé €", *("y" * size for size in SIZES), *map(str, range(50))]
PATIENCE_S = 20


class Echoes:
    """A handler that knows when it has all that it waits for."""

    def __init__(self, count):
        self.messages, self.closed = [], []
        self.count, self.complete = count, Event()

    def take_known(self, buffer, start, end, now_us, arrived_us, earlier_us):
        return start

    def on_message(self, payload, now_us, arrived_us, frame):
        self.messages.append(payload.decode())
        if len(self.messages) == self.count:
            self.complete.set()

    def on_window_closed(self, now_us):
        self.windows_closed = getattr(self, "windows_closed", 0) + 1

    def on_closed(self, closing, now_us):
        self.closed.append(closing.code)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority of our own, with a certificate for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    certificate = ca.issue_cert("localhost", "127.0.0.1")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    return folder


def servers():
    for name in SERVERS:
        marks = [pytest.mark.node] if name == "ws" else [pytest.mark.e2e]
        yield pytest.param(name, marks=marks)


@pytest.fixture(params=servers())
def server(request, start, authority):
    """Start the server under test with TLS and deflate or not; returns its port."""

    def run(is_tls, has_deflate):
        options = ["--cert", authority / "cert.pem", "--key", authority / "key.pem"] if is_tls else []
        program = start(*SERVERS[request.param], *options, *(["--deflate"] if has_deflate else []))
        return int(program.wait_for(r"ready on port (\d+)")[1])

    return run


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("offers", [False, True], ids=["no-offer", "offers-deflate"])
@pytest.mark.parametrize("has_deflate", [False, True], ids=["without", "with-deflate"])
def test_everything_comes_back_in_order(server, authority, is_tls, offers, has_deflate):
    port = server(is_tls, has_deflate)
    context = make_ssl_context(str(authority / "ca.pem"), is_insecure=False) if is_tls else None
    transport = SocketTransport(Dialling(5_000_000, {}, context, offers_deflate=offers))
    echoes = Echoes(len(TEXTS))
    url = f"{'wss' if is_tls else 'ws'}://localhost:{port}/"
    connection = transport.connect(url, echoes, echoes.on_closed)
    for text in TEXTS:
        connection.send(text)
    assert echoes.complete.wait(PATIENCE_S)
    assert echoes.messages == TEXTS
    connection.close()
    assert echoes.closed == [1000]
    if offers and has_deflate:
        assert transport.statistics()["bytes_read"] < sum(map(len, TEXTS)) / 10, "it was compressed"


def test_many_connections_at_once_share_a_transport(server):
    port = server(False, False)
    transport = SocketTransport(Dialling(5_000_000))
    all_echoes = [Echoes(20) for _ in range(50)]

    def live(number, echoes):
        connection = transport.connect(f"ws://127.0.0.1:{port}/", echoes, echoes.on_closed)
        for n in range(20):
            connection.send(f"{number}:{n}")
        assert echoes.complete.wait(PATIENCE_S)
        connection.close()

    gevent.joinall([gevent.spawn(live, *pair) for pair in enumerate(all_echoes)], raise_error=True)
    for number, echoes in enumerate(all_echoes):
        assert echoes.messages == [f"{number}:{n}" for n in range(20)]
        assert echoes.closed == [1000]


def test_a_certificate_that_is_not_trusted_is_a_connect_error(server):
    port = server(True, False)
    transport = SocketTransport(Dialling(5_000_000, {}, make_ssl_context("", is_insecure=False)))
    with pytest.raises(ConnectError, match="certificate not trusted"):
        transport.connect(f"wss://localhost:{port}/", Echoes(1), lambda *_: None)
    insecure = SocketTransport(Dialling(5_000_000, {}, make_ssl_context("", is_insecure=True)))
    echoes = Echoes(1)
    insecure.connect(f"wss://localhost:{port}/", echoes, echoes.on_closed).close()
    assert echoes.closed == [1000]
