"""The gevent side, through real sockets, against a server that plays any script."""

import threading

import gevent
import pytest
from gevent import monkey
from gevent.threadpool import ThreadPool

from hubbub.errors import ConnectError, ConnectionClosed
from hubbub.transport.base import Dialling
from hubbub.transport.socket import SocketTransport
from tests.hubbub.transport.adversary import Adversary
from tests.hubbub.transport.autobahn import CASES, close
from tests.hubbub.transport.test_frames import frame
from tests.twins.handler import Collector

pytestmark = pytest.mark.e2e
PATIENCE_S = 10
assert monkey


def dial(url, handler=None, **options):
    handler = handler or Collector()
    transport = SocketTransport(Dialling(timeout_us=5_000_000, **options))
    return transport, handler, transport.connect(url, handler, handler.on_closed)


def play(chunks, **options):
    """Play a script to its end; returns transport, handler, and what the server saw."""
    adversary = Adversary(chunks)
    transport, handler, _connection = dial(adversary.url, **options)
    assert handler.over.wait(PATIENCE_S), "the client did not notice the end"
    seen = ThreadPool(1).apply(adversary.finish)
    return transport, handler, seen


def test_the_table_has_all_247_functional_cases():
    assert len(CASES) == len({case.id for case in CASES}) == 247


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_autobahn(case):
    _, handler, seen = play(case.chunks)
    assert handler.messages == case.messages
    assert seen.payloads(10) == case.pongs
    assert seen.close_code == case.code
    assert seen.has_ended
    assert seen.are_masked
    assert len(handler.closed) == 1


def test_a_whole_text_frame_is_given_with_its_wire_bytes():
    text = frame(1, b"x" * 700)
    _, handler, _ = play([text + frame(1, b"y"), close()])
    assert handler.frames == [text, frame(1, b"y")]


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 100, 703])
def test_a_frame_in_two_segments_is_put_together(cut):
    text = frame(1, b"x" * 700)
    _, handler, _ = play([text + text[:cut], text[cut:] + close()])
    assert handler.messages == [b"x" * 700] * 2


def test_known_frames_are_taken_without_being_cut_out():
    known = frame(1, b"known" * 50)

    class Knowing(Collector):
        taken = 0

        def take_known(self, buffer, start, end, now_us, arrived_us, earlier_us):
            while buffer.startswith(known, start) and start + len(known) <= end:
                start += len(known)
                self.taken += 1
            return start

    adversary = Adversary([known * 3 + frame(1, b"new") + known + known[:10], known[10:] + frame(9) + known + close()])
    handler = Knowing()
    dial(adversary.url, handler)
    assert handler.over.wait(PATIENCE_S)
    assert handler.taken + handler.messages.count(b"known" * 50) == 6
    assert b"new" in handler.messages
    ThreadPool(1).apply(adversary.finish)


def test_a_handler_that_raises_closes_only_its_connection():
    class Broken(Collector):
        def on_message(self, payload, now_us, arrived_us, frame):
            raise ZeroDivisionError("oops")

    adversary = Adversary([frame(1, b"x")])
    transport, handler, _ = dial(adversary.url, Broken())
    assert handler.over.wait(PATIENCE_S)
    assert ThreadPool(1).apply(adversary.finish).close_code == 1011
    assert transport.statistics()["handler_errors"] == 1
    assert transport.shared.last_error == "ZeroDivisionError: oops"


def test_messages_are_sent_and_counted():
    adversary = Adversary([])
    transport, handler, connection = dial(adversary.url)
    for text in ("hello", "ünï", "x" * 70_000):
        connection.send(text)
    connection.close()
    seen = ThreadPool(1).apply(adversary.finish)
    assert seen.payloads(1) == [b"hello", "ünï".encode(), b"x" * 70_000]
    assert seen.close_code == 1000
    assert handler.closed == [(1000, "closed by us")]
    counted = transport.statistics()
    assert (counted["connected"], counted["closed"], counted["messages_written"]) == (1, 1, 3)
    with pytest.raises(ConnectionClosed):
        connection.send("too late")


def test_a_full_kernel_buffer_blocks_only_its_sender():
    adversary = Adversary([])
    _, _, connection = dial(adversary.url)
    texts = [f"{number:04}" + "x" * 500_000 for number in range(20)]
    ticks = []
    ticker = gevent.spawn(lambda: [ticks.append(gevent.sleep(0.001)) for _ in range(10_000)])
    for text in texts:
        connection.send(text)
    connection.close()
    ticker.kill()
    seen = ThreadPool(1).apply(adversary.finish)
    assert [payload[:4] for payload in seen.payloads(1)] == [text[:4].encode() for text in texts]


def test_a_close_that_is_killed_leaves_the_connection_closed():
    adversary = Adversary([], closes=False)
    _, handler, connection = dial(adversary.url)
    closing = gevent.spawn(connection.close)
    gevent.sleep(0)
    closing.kill()
    assert closing.dead
    assert len(handler.closed) == 1
    assert ThreadPool(1).apply(adversary.finish).has_ended


def test_what_is_on_its_way_is_read_before_the_close_is_over():
    adversary = Adversary([frame(1, b"one"), frame(1, b"two")])
    _, handler, connection = dial(adversary.url)
    connection.close()
    assert handler.messages == [b"one", b"two"]
    ThreadPool(1).apply(adversary.finish)


def wait_for(condition):
    """Let the hub run until something is so."""
    with gevent.Timeout(PATIENCE_S):
        while not condition():
            gevent.sleep(0.001)


class Answering(Adversary):
    """Sends its chunks only when the client has sent something."""

    def __init__(self, answer):
        self.has_answered = threading.Event()
        self._late = answer
        super().__init__([], closes=False)

    def _read(self, connection):
        self._take(connection.recv(65536))
        connection.sendall(self._late)
        self.has_answered.set()
        super()._read(connection)


@pytest.mark.parametrize("ending", ["resume_reading", "close"])
def test_a_slow_reader_loses_nothing_when_it_reads_again(ending):
    slow, quick = Answering(frame(1, b"slow")), Answering(frame(1, b"quick"))
    transport, handler, connection = dial(slow.url)
    other = Collector()
    quick_connection = transport.connect(quick.url, other, other.on_closed)
    for _ in range(2):
        connection.pause_reading()
    connection.send("go")
    wait_for(slow.has_answered.is_set)
    quick_connection.send("go")
    wait_for(lambda: other.messages)
    assert handler.messages == []
    getattr(connection, ending)()
    wait_for(lambda: handler.messages)
    assert handler.messages == [b"slow"]
    for each in (connection, quick_connection):
        each.close()
        each.resume_reading()
    for adversary in (slow, quick):
        assert ThreadPool(1).apply(adversary.finish).has_ended


def test_an_end_without_a_close_frame_is_abnormal():
    class Rude(Adversary):
        def _read(self, connection):
            return

    adversary = Rude([frame(1, b"x")])
    _, handler, _ = dial(adversary.url)
    assert handler.over.wait(PATIENCE_S)
    assert handler.closed[0][0] == 1006
    assert handler.messages == [b"x"]


def test_a_message_over_the_limit_is_refused_with_1009():
    _, handler, seen = play([frame(1, b"x" * 2000)], max_message_bytes=1000)
    assert seen.close_code == 1009
    assert handler.messages == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\nSet-Cookie: secret=1\r\n\r\n", "HTTP 401"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "Upgrade is not websocket"),
        (b"not http\r\n\r\n", "not HTTP/1.1"),
    ],
)
def test_a_refused_upgrade_is_a_connect_error_and_nothing_stays_open(answer, reason):
    adversary = Adversary([], answer=answer)
    with pytest.raises(ConnectError, match=reason) as caught:
        dial(adversary.url)
    assert "secret" not in str(caught.value)
    assert ThreadPool(1).apply(adversary.finish).has_ended


def test_nobody_there_is_a_connect_error():
    with pytest.raises(ConnectError, match="ConnectionRefusedError"):
        dial("ws://127.0.0.1:9/")


def test_connections_come_from_the_addresses_asked_for():
    class Asking(Adversary):
        def _shake_hands(self, connection):
            self.peer = connection.getpeername()[0]
            super()._shake_hands(connection)

    for source in ("127.0.0.7", "127.0.0.8"):
        adversary = Asking([close()])
        _, handler, _ = dial(adversary.url, sources=(source,))
        assert handler.over.wait(PATIENCE_S)
        ThreadPool(1).apply(adversary.finish)
        assert adversary.peer == source
