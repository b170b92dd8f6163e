"""The poller: every connection is read, whatever happens to the others."""

import gevent
import pytest
from gevent import monkey

from hubbub.clock import monotonic_us
from hubbub.transport.base import Dialling
from hubbub.transport.connection import SocketConnection
from hubbub.transport.fairness import TURN_US
from hubbub.transport.poller import Poller
from hubbub.transport.shared import Shared
from hubbub.transport.stream import Stream
from tests.e2e.test_transport import PATIENCE_S, wait_for
from tests.hubbub.transport.test_frames import frame
from tests.twins.handler import Collector

new_pair = monkey.get_original("socket", "socketpair")


@pytest.fixture
def shared():
    return Shared(Dialling(timeout_us=5_000_000), seed=0, clock=monotonic_us)


@pytest.fixture
def poller(shared):
    return Poller(shared)


@pytest.fixture
def connect(shared, poller):
    """A connection and its peer's socket, which has sent `data` already."""
    peers = []

    def connect(handler, data=b""):
        ours, theirs = new_pair()
        ours.setblocking(False)
        theirs.sendall(data)
        peers.append(theirs)
        return SocketConnection(shared, poller, Stream(ours), handler, handler.on_closed, b"", None), theirs

    yield connect
    for peer in peers:
        peer.close()


def test_more_sockets_than_one_call_reads_are_all_read(connect):
    receivers = [Collector() for _ in range(600)]
    for handler in receivers:
        connect(handler, frame(1, b"x") + frame(8))[1].close()
    for handler in receivers:
        assert handler.over.wait(PATIENCE_S)
        assert handler.messages == [b"x"]


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("count", [3, 200])
@pytest.mark.parametrize("ends_at_once", [True, False])
def test_bytes_are_read_to_the_last_and_so_is_the_end(connect, shared, is_known, count, ends_at_once):
    """No event comes again for what was there before: neither for more than the buffer holds, nor for an end."""
    shared.buffer = shared.buffer[:4_000]
    shared.view = memoryview(shared.buffer)
    handler = Collector()
    one = frame(1, b"x" * 496)
    if is_known:
        handler.take_known = lambda buffer, start, end, *_: start + (end - start) // len(one) * len(one)
    _, peer = connect(handler)
    gevent.sleep(0)
    peer.sendall(one * count)
    if not ends_at_once:
        wait_for(lambda: shared.counted.bytes_read == count * len(one))
    peer.close()
    assert handler.over.wait(PATIENCE_S)
    assert handler.closed[0][0] == 1006
    assert len(handler.messages) == (0 if is_known else count)
    assert shared.counted.bytes_read == count * len(one)


def test_ending_another_connection_leaves_the_rest_alone(connect, shared):
    connections = []
    ending, ended, bystander = (Collector() for _ in range(3))
    ending.on_message = lambda *_: connections[1].caught(OSError())
    connections += [connect(handler, frame(1, b"x"))[0] for handler in (ending, ended, bystander)]
    assert ended.over.wait(PATIENCE_S)
    gevent.sleep(0)
    assert len(ended.closed) == 1
    assert bystander.messages == [b"x"]
    assert not ending.closed
    assert shared.counted.closed == 1


def test_an_error_of_a_handler_ends_its_connection_only(connect, shared):
    def fail(*_):
        raise ZeroDivisionError("oops")

    broken, healthy = Collector(), Collector()
    broken.take_known = fail
    connect(broken, frame(1, b"x"))[1].close()
    _, peer = connect(healthy, frame(1, b"x"))
    assert broken.over.wait(PATIENCE_S)
    peer.sendall(frame(1, b"y") + frame(8))
    peer.close()
    assert healthy.over.wait(PATIENCE_S)
    assert healthy.messages == [b"x", b"y"]
    assert shared.counted.handler_errors == 1


def test_pausing_a_closed_connection_spares_its_successor(connect):
    over, healthy = Collector(), Collector()
    connection, peer = connect(over)
    gevent.sleep(0)
    peer.close()
    assert over.over.wait(PATIENCE_S)
    successor, peer = connect(healthy)
    gevent.sleep(0)
    assert successor._stream.fd == connection._stream.fd
    connection.pause_reading()
    connection.resume_reading()
    peer.sendall(frame(1, b"x") + frame(8))
    assert healthy.over.wait(PATIENCE_S)
    assert healthy.messages == [b"x"]


def test_many_that_flood_share_one_turn(shared, poller, monkeypatch):
    """Each takes three quarters of a turn and has always more: a turn has two of them, and all come in their order."""
    time_us = [0]
    monkeypatch.setattr(shared, "clock", lambda: time_us[0])

    class Endless:
        take_known = None
        emptied_us = 0

        def __init__(self, name):
            self.name = name

        def read(self, _not_before_us, turn_ends_us):
            time_us[0] += TURN_US * 3 // 4
            read.append(self.name)
            return False

        def check_window(self, just_read_bytes=0):
            pass

    read, pairs = [], [new_pair() for _ in range(9)]
    for number, (ours, theirs) in enumerate(pairs):
        poller.add(ours.fileno(), Endless(number))
        theirs.sendall(b"x")
    for turn in range(1, 10):
        poller.look()
        assert len(read) == 2 * turn
    assert sorted(read[:9]) == sorted(read[9:]) == list(range(9))
    assert read[:9] == read[9:]
    for ours, theirs in pairs:
        poller.remove(ours.fileno())
        ours.close()
        theirs.close()
