"""Dialling: TCP and upgrade within one deadline, and one error for whatever goes wrong."""

import socket
from urllib.parse import urlsplit

import pytest
from gevent.threadpool import ThreadPool

from hubbub.errors import ConnectError
from hubbub.option_kinds import Resolve
from hubbub.transport.base import Dialling
from hubbub.transport.socket import SocketTransport
from tests.hubbub.transport.adversary import Adversary
from tests.hubbub.transport.test_frames import frame
from tests.twins.handler import Collector

PATIENCE_S = 10


def dial(url, **options):
    handler = Collector()
    transport = SocketTransport(Dialling(timeout_us=5_000_000, **options))
    return transport, handler, transport.connect(url, handler, handler.on_closed)


def test_a_conversation_from_upgrade_to_close():
    adversary = Adversary([frame(1, b"hello")])
    transport, handler, connection = dial(adversary.url)
    connection.send("hi")
    connection.close()
    assert handler.over.wait(PATIENCE_S)
    seen = ThreadPool(1).apply(adversary.finish)
    assert handler.messages == [b"hello"]
    assert seen.payloads(1) == [b"hi"]
    statistics = transport.statistics()
    assert (statistics["connected"], statistics["closed"], statistics["messages_written"]) == (1, 1, 1)
    transport.look()
    transport.close()
    transport.close()


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "403"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "Accept"),
    ],
)
def test_an_upgrade_that_is_not_granted_is_one_error(answer, complaint):
    adversary = Adversary([], answer=answer)
    with pytest.raises(ConnectError, match=complaint):
        dial(adversary.url)


def test_an_upgrade_without_an_answer_ends_in_time(monkeypatch):
    adversary = Adversary([], answer=b"HTTP/1.1 101")
    with pytest.raises(ConnectError):
        handler = Collector()
        SocketTransport(Dialling(timeout_us=50_000)).connect(adversary.url, handler, handler.on_closed)


def test_a_host_without_a_name_is_one_error():
    with pytest.raises(ConnectError, match="host name not found"):
        dial("ws://no-such-host.invalid/")


def test_the_next_address_of_a_name_is_tried(monkeypatch):
    adversary = Adversary([])
    port = urlsplit(adversary.url).port
    closed = [(socket.AF_INET, ("127.0.0.1", 1)), (socket.AF_INET6, ("::1", 1, 0, 0))]
    transport, handler = SocketTransport(Dialling(5_000_000)), Collector()
    monkeypatch.setattr(transport._names, "_look_up", lambda *_: [*closed, (socket.AF_INET, ("127.0.0.1", port))])
    connection = transport.connect(adversary.url.replace("127.0.0.1", "chat.invalid"), handler, handler.on_closed)
    assert connection.is_open
    assert transport._names._failed
    assert transport._names._failed <= set(closed)


def test_where_no_address_answers_the_last_reason_is_told(monkeypatch):
    transport, handler = SocketTransport(Dialling(5_000_000)), Collector()
    monkeypatch.setattr(transport._names, "_look_up", lambda *_: [(socket.AF_INET, ("127.0.0.1", 1))])
    with pytest.raises(ConnectError, match="ConnectionRefusedError"):
        transport.connect("ws://chat.invalid/", handler, handler.on_closed)


def test_local_addresses_are_taken_in_turn():
    transport = SocketTransport(Dialling(1_000_000, sources=("127.0.0.2", "127.0.0.3")))
    assert {transport._source() for _ in range(4)} == {"127.0.0.2", "127.0.0.3"}
    assert SocketTransport(Dialling(1_000_000))._source() == ""


def test_stamps_are_bounded_or_not_there():
    assert SocketTransport(Dialling(1_000_000, wants_stamps=False)).clock_bound_us is None
    with_stamps = SocketTransport(Dialling(1_000_000))
    assert with_stamps.clock_bound_us is None or with_stamps.clock_bound_us >= 0
    assert with_stamps.stamps_are_steady() in (True, False)


def test_a_name_is_told_where_it_is_and_counted():
    adversary = Adversary([])
    port = urlsplit(adversary.url).port
    resolve = Resolve(told={f"chat.invalid:{port}": ["127.0.0.1"]})
    transport, handler = SocketTransport(Dialling(5_000_000, resolve=resolve)), Collector()
    transport.connect(f"ws://chat.invalid:{port}/", handler, handler.on_closed)
    assert transport.connected == {f"127.0.0.1:{port}": 1}


def test_headers_of_a_connection_give_way_to_those_of_the_run():
    adversary = Adversary([])
    transport, handler = SocketTransport(Dialling(5_000_000, {"X-A": "run"})), Collector()
    transport.connect(adversary.url, handler, handler.on_closed, {"x-a": "own", "X-B": "own"})
    assert (adversary.request.count(b"X-A: run"), adversary.request.lower().count(b"x-a: own")) == (1, 0)
    assert b"X-B: own" in adversary.request
