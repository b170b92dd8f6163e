"""One connection over a pair of sockets: how it closes, fails, pauses and answers; no state is left by two ways."""

import errno
import struct

import gevent
import pytest
from gevent import monkey

from hubbub.clock import monotonic_us
from hubbub.errors import Closing, ConnectionClosed, Owner
from hubbub.transport import connection as module
from hubbub.transport.base import Dialling
from hubbub.transport.connection import SocketConnection
from hubbub.transport.deflate import accepted
from hubbub.transport.frames import apply_mask
from hubbub.transport.poller import Poller
from hubbub.transport.shared import Shared
from hubbub.transport.stream import Stream
from tests.hubbub.transport.test_frames import frame
from tests.twins.handler import Collector

new_pair = monkey.get_original("socket", "socketpair")
PATIENCE_S = 10


class Pair:
    """The connection, its handler, and the peer's socket."""

    def __init__(self, rest=b"", extension=None, max_message_bytes=1 << 20):
        self.shared = Shared(Dialling(5_000_000, max_message_bytes=max_message_bytes), 0, monotonic_us)
        ours, self.peer = new_pair()
        ours.setblocking(False)
        self.peer.settimeout(PATIENCE_S)
        self.handler = Collector()
        poller = Poller(self.shared)
        self.connection = SocketConnection(
            self.shared, poller, Stream(ours), self.handler, self.handler.on_closed, rest, extension
        )
        gevent.sleep(0)

    def say(self, *frames):
        self.peer.sendall(b"".join(frames))
        gevent.sleep(0.001)

    def until(self, condition):
        for _ in range(PATIENCE_S * 1_000):
            if condition():
                return
            gevent.sleep(0.001)
        raise AssertionError("it did not come true")

    def heard(self):
        """The frames that the peer can read now, as (opcode, payload)."""
        gevent.sleep(0.001)
        self.peer.setblocking(False)
        try:
            data = self.peer.recv(1 << 20)
        except BlockingIOError:
            data = b""
        frames = []
        while data:
            size, at = data[1] & 0x7F, 2
            if size == 126:
                size, at = struct.unpack("!H", data[2:4])[0], 4
            frames.append((data[0] & 0x0F, apply_mask(data[at + 4 : at + 4 + size], int.from_bytes(data[at : at + 4]))))
            data = data[at + 4 + size :]
        return frames


@pytest.fixture
def make():
    pairs = []

    def make(**how):
        pairs.append(Pair(**how))
        return pairs[-1]

    yield make
    for pair in pairs:
        pair.connection.caught(OSError())
        pair.peer.close()


@pytest.fixture
def pair(make):
    return make()


def test_what_came_with_the_upgrade_is_taken_first(make):
    pair = make(rest=frame(1, b"first"))
    pair.say(frame(1, b"second"))
    pair.until(lambda: len(pair.handler.messages) == 2)
    assert pair.handler.messages == [b"first", b"second"]


def test_a_ping_is_answered(pair):
    pair.say(frame(9, b"beat"))
    pair.until(lambda: pair.shared.counted.bytes_written)
    assert pair.heard() == [(10, b"beat")]


def test_a_message_is_sent_masked_and_counted(pair):
    assert pair.connection.send("hello")
    assert pair.heard() == [(1, b"hello")]
    assert pair.shared.counted.messages_written == 1
    assert "open" in repr(pair.connection)


def test_the_peers_close_is_answered_and_told_once(pair):
    pair.say(frame(8, struct.pack("!H", 1001) + b"bye"), frame(1, b"too late"))
    pair.until(lambda: not pair.connection.is_open)
    assert pair.heard() == [(8, struct.pack("!H", 1001))]
    assert "discarding" in repr(pair.connection)
    pair.peer.close()
    assert pair.handler.over.wait(PATIENCE_S)
    assert pair.handler.closed == [(1001, "bye")]
    assert pair.handler.closing == Closing(1001, "bye", Owner.BACKEND)
    assert pair.handler.messages == []
    pair.connection.caught(OSError())
    assert len(pair.handler.closed) == 1


def test_a_peer_that_does_not_end_after_its_close_is_ended(pair, monkeypatch):
    monkeypatch.setattr(module, "FIN_WAIT_S", 0.01)
    pair.say(frame(8))
    assert pair.handler.over.wait(PATIENCE_S)
    assert pair.handler.closed == [(1005, "closed by the peer")]
    assert type(pair.handler.closing.code) is int


def test_closing_waits_for_the_peer(pair):
    closing = gevent.spawn(pair.connection.close)
    pair.until(lambda: not pair.connection.is_open)
    with pytest.raises(ConnectionClosed):
        pair.connection.send("x")
    assert pair.heard() == [(8, struct.pack("!H", 1000))]
    pair.say(frame(1, b"the last one"), frame(9, b"no pong any more"), frame(8, struct.pack("!H", 1000)))
    pair.peer.close()
    closing.join(PATIENCE_S)
    assert pair.handler.messages == [b"the last one"]
    assert pair.handler.closing == Closing(1000, "closed by us", Owner.GENERATOR)
    pair.connection.close()


def test_a_peer_that_does_not_answer_a_close_is_ended(pair, monkeypatch):
    monkeypatch.setattr(module, "CLOSE_WAIT_S", 0.01)
    pair.connection.close()
    assert pair.handler.closing == Closing(1006, "the peer did not answer the close frame", Owner.GENERATOR)


def test_an_end_without_a_close_frame_is_abnormal(pair):
    pair.peer.close()
    assert pair.handler.over.wait(PATIENCE_S)
    assert pair.handler.closing == Closing(1006, "ended without a close frame", Owner.BACKEND)


@pytest.mark.parametrize(
    ("code", "name", "owner"),
    [("ECONNRESET", "ConnectionResetError", Owner.BACKEND), ("ENOBUFS", "ENOBUFS", Owner.GENERATOR)],
)
def test_an_error_of_the_kernel_has_its_name_and_owner(pair, code, name, owner):
    pair.connection.caught(OSError(getattr(errno, code), ""))
    is_ours = owner is Owner.GENERATOR
    assert pair.handler.closing == Closing(1006, name, owner, code, is_our_fault=is_ours)
    with pytest.raises(ConnectionClosed) as raised:
        pair.connection.send("x")
    assert (raised.value.is_ours, raised.value.closing) == (is_ours, pair.handler.closing)


def test_a_broken_rule_fails_the_connection_and_is_counted(pair):
    pair.say(bytes([0xF1, 0]))
    pair.until(lambda: not pair.connection.is_open)
    assert pair.heard()[0][0] == 8
    assert pair.shared.counted.protocol_errors == 1
    pair.peer.close()
    assert pair.handler.over.wait(PATIENCE_S)
    assert (pair.handler.closing.code, pair.handler.closing.closed_by) == (1002, Owner.GENERATOR)
    assert not pair.handler.closing.is_our_fault


def test_text_that_is_no_utf8_fails_the_connection(pair):
    pair.say(frame(1, b"\xff\xfe"))
    pair.until(lambda: not pair.connection.is_open)
    pair.peer.close()
    assert pair.handler.over.wait(PATIENCE_S)
    assert pair.handler.closed[0][0] == 1007


def test_a_message_over_the_limit_fails_the_connection(make):
    pair = make(max_message_bytes=100)
    pair.say(frame(1, b"x" * 101))
    pair.until(lambda: not pair.connection.is_open)
    pair.peer.close()
    assert pair.handler.over.wait(PATIENCE_S)
    reason = "message of 101 bytes exceeds --max-message-size"
    assert pair.handler.closing == Closing(1009, reason, Owner.GENERATOR, is_our_fault=True)


def test_fragments_are_one_message(pair):
    pair.say(frame(1, b"hel", final=False), frame(9, b"p"), frame(0, b"lo"), frame(1, b"next"))
    pair.until(lambda: len(pair.handler.messages) == 2)
    assert pair.handler.messages == [b"hello", b"next"]
    assert pair.handler.frames[0] is None


def test_compressed_messages_are_read_and_written(make):
    parameters = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
    pair, peer = make(extension=accepted(parameters)), accepted(parameters)
    data, _ = peer.deflate(b"hello " * 50)
    size = bytes([len(data)])
    pair.say(bytes([0xC1]) + size + data)
    pair.until(lambda: pair.handler.messages)
    assert pair.handler.messages == [b"hello " * 50]
    pair.connection.send("abc " * 50)
    ((_, sent),) = pair.heard()
    assert peer.inflate(sent, True, True, 1_000) == b"abc " * 50


def test_a_paused_connection_reads_nothing_and_everything_later(pair):
    pair.connection.pause_reading()
    pair.say(frame(1, b"x") * 3)
    assert pair.handler.messages == []
    assert pair.connection.has_unread()
    assert pair.connection.is_open
    pair.connection.resume_reading()
    pair.connection.resume_reading()
    assert pair.handler.messages == [b"x"] * 3
    assert not pair.connection.has_unread()


def test_a_handler_that_raises_is_our_fault(pair):
    def fail(*_):
        raise ZeroDivisionError("oops")

    pair.handler.on_message = fail
    pair.say(frame(1, b"x"))
    pair.until(lambda: not pair.connection.is_open)
    assert pair.shared.counted.handler_errors == 1
    assert pair.shared.last_error == "ZeroDivisionError: oops"
    pair.peer.close()
    assert pair.handler.over.wait(PATIENCE_S)
    assert pair.handler.closing == Closing(1011, "ZeroDivisionError: oops", Owner.GENERATOR, is_our_fault=True)


def test_a_peer_that_takes_nothing_ends_the_send(pair, monkeypatch):
    monkeypatch.setattr(module, "SEND_TIMEOUT_S", 0.01)
    with pytest.raises(ConnectionClosed):
        while True:
            pair.connection.send("x" * 100_000)
    assert pair.handler.closed == [(1006, "the peer takes nothing any more")]


def test_a_peer_that_pings_and_reads_nothing_is_ended(pair, monkeypatch):
    monkeypatch.setattr(module, "MAX_UNSENT_BYTES", 1_000)
    pair.peer.setblocking(False)
    with pytest.raises((BrokenPipeError, ConnectionResetError, AssertionError)):
        for _ in range(100_000):
            try:
                pair.peer.send(frame(9, b"p" * 125) * 20)
            except BlockingIOError:
                gevent.sleep(0)
            gevent.sleep(0)
    assert pair.handler.closed == [(1006, "the peer sends pings and reads nothing")]


def test_an_unfinished_frame_waits_for_its_rest(pair):
    text = frame(1, b"x" * 300)
    pair.say(text[:100])
    assert pair.connection.has_unread()
    pair.say(text[100:] + text)
    pair.until(lambda: len(pair.handler.messages) == 2)
    assert pair.handler.frames == [text, text]


def test_closing_what_ends_while_it_is_resumed_waits_for_nothing(pair, monkeypatch):
    monkeypatch.setattr(module, "CLOSE_WAIT_S", 1_000)
    pair.connection.pause_reading()
    pair.peer.close()
    with gevent.Timeout(PATIENCE_S):
        pair.connection.close()
    assert pair.handler.closed == [(1006, "ended without a close frame")]


def test_bytes_are_sent_as_a_binary_message(pair):
    assert pair.connection.send(b"\x00\xff")
    assert pair.heard() == [(2, b"\x00\xff")]


def test_a_binary_message_is_taken_in_place(pair):
    pair.say(frame(2, b"\xff\xfe") + frame(2, b"x" * 300))
    pair.until(lambda: len(pair.handler.messages) == 2)
    assert pair.handler.messages == [b"\xff\xfe", b"x" * 300]
    assert pair.handler.frames == [frame(2, b"\xff\xfe"), frame(2, b"x" * 300)]


def test_an_answer_is_sent_without_waiting(pair, monkeypatch):
    pair.connection.send_soon("pong")
    assert pair.heard() == [(1, b"pong")]
    monkeypatch.setattr(module, "MAX_UNSENT_BYTES", 1_000)
    for _ in range(1_000):
        pair.connection.send_soon("x" * 100_000)
    assert pair.handler.closed == [(1006, "the peer wants answers and reads none")]
    pair.connection.send_soon("x")
