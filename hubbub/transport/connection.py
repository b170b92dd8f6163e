"""One WebSocket connection on gevent, read in hub callbacks: no greenlet waits for bytes.

What the poller reads lies in one buffer that all connections share; whole frames go to the handler from there. First
come the frames that the handler knows byte for byte; then whole, final, uncompressed text frames, cut out in place;
everything else goes through `frames.Reader`. An unfinished frame is kept until the rest of it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gevent
from gevent.event import Event

from hubbub.errors import Closing, ConnectionClosed, Owner, errno_of, is_own_error, name_of
from hubbub.transport.base import FrameHandler, OnClosed, TakeKnown
from hubbub.transport.deflate import Deflate
from hubbub.transport.fairness import FLOODED, TURN_US, Share, cpu_us
from hubbub.transport.frames import (
    FINAL_BINARY,
    FINAL_PING,
    NOT_PLAIN,
    Binary,
    CloseCode,
    Closed,
    Failed,
    Opcode,
    Ping,
    Reader,
    Text,
    close_payload,
    encode_frame,
    find_plain_frame,
    is_utf8,
)
from hubbub.transport.frames import Event as FrameEvent
from hubbub.transport.poller import LARGE_READ_BYTES, Poller
from hubbub.transport.shared import BUFFER_BYTES, Shared
from hubbub.transport.state import NEXT, State
from hubbub.transport.stream import Stream

MAX_REST = BUFFER_BYTES // 2
"""A longer unfinished frame is collected by the Reader instead of in the shared buffer."""

MAX_UNSENT_BYTES = 1 << 20
CLOSE_WAIT_S = 2.0
FIN_WAIT_S = 1.0
"""For the peer's close frame and its FIN: a round trip, and the time a busy backend needs (RFC 6455, 7.1.1)."""

OUR_CODES = frozenset({CloseCode.TOO_BIG, CloseCode.INTERNAL_ERROR})
"""What we close with because of a limit of our own, or of a fault of our handler."""

SEND_TIMEOUT_S = 10.0
"""A peer that takes nothing for so long is taken for dead, as its own ping timeout would take us."""


class SocketConnection:
    """One WebSocket connection. Made by SocketTransport.connect."""

    __slots__ = (
        *("_closing", "_extension", "_fin_timer", "_handler", "_on_closed", "_over", "_poller", "_reader", "_rest"),
        *("_share", "_shared", "_state", "_stream", "emptied_us", "recvmsg_into", "take_known"),
    )

    def __init__(
        self,
        shared: Shared,
        poller: Poller,
        stream: Stream,
        handler: FrameHandler,
        on_closed: OnClosed,
        rest: bytes,
        extension: Deflate | None,
    ) -> None:
        self._shared = shared
        self._poller = poller
        self._state = State.OPEN
        self._stream = stream
        self._handler = handler
        self._on_closed = on_closed
        self._extension = extension
        self._reader: Reader | None = self._new_reader() if extension else None
        self._rest = b""
        self._share = Share()
        self._closing: Closing | None = None
        self._over: Event | None = None
        self._fin_timer: Any = None
        self.recvmsg_into = stream.recvmsg_into
        self.emptied_us = shared.clock()
        """When the socket was last seen empty: what is read next arrived later."""
        self.take_known: TakeKnown | None = None
        stream.on_broken = self._broken
        gevent.get_hub().loop.run_callback(self._begin, rest)

    def __repr__(self) -> str:
        return f"<SocketConnection {self._state.value}, fd {self._stream.fd}, {len(self._rest)} bytes unfinished>"

    def _become(self, state: State) -> bool:
        """Go on to a state; False, and nothing changed, where it may not follow."""
        if state not in NEXT[self._state]:
            return False
        self._state = state
        return True

    def _new_reader(self) -> Reader:
        return Reader(self._shared.dialling.max_message_bytes, self._extension)

    # -- reading -----------------------------------------------------------------------------------------------------

    def _begin(self, rest: bytes) -> None:
        """Hub callback, once: take what came with the upgrade's answer, and whatever comes from now on."""
        if self._state is State.OVER:
            return
        if self._state is not State.PAUSED:
            self._poller.add(self._stream.fd, self)
        self._shared.buffer[: len(rest)] = rest
        try:
            self.take(len(rest), 0, self._shared.clock(), self.emptied_us, self.emptied_us)
        except Exception as error:
            self.caught(error)
        if self._stream.is_tls:
            self._poller.read_later(self._stream.fd)  # it may hold what no event of the socket will name

    def read(self, not_before_us: int, turn_ends_us: int) -> bool:
        """Read until nothing is there; False when the turn ended before. An error ends this connection alone.

        The poller has a short way of its own while `take_known` is there, and knows when the socket was empty.
        """
        try:
            return self._read(not_before_us, turn_ends_us)
        except Exception as error:
            self.caught(error)
            return True

    def caught(self, error: Exception) -> None:
        """The network's fault, or the handler's or ours, which are counted."""
        if isinstance(error, OSError):
            self._broken(error)
            return
        self._shared.counted.handler_errors += 1
        self._shared.last_error = f"{type(error).__name__}: {error}"
        self._fail(CloseCode.INTERNAL_ERROR, self._shared.last_error)

    def ended_by_peer(self) -> None:
        """The end of the stream was read."""
        reason = "ended without a close frame" if self.is_open else "closed by the peer"
        self._end(reason, Owner.BACKEND if self.is_open else Owner.GENERATOR)

    def _read(self, not_before_us: int, turn_ends_us: int) -> bool:
        shared, stream = self._shared, self._stream
        counted = shared.counted
        while self._state not in (State.OVER, State.PAUSED):
            kept = len(self._rest)
            before_us = shared.clock()
            size = stream.read_into(shared.view[kept:])
            if size < 0:
                self.emptied_us = before_us
                return True
            if size == 0:
                self.ended_by_peer()
                return True
            counted.reads += 1
            counted.bytes_read += size
            if kept:
                shared.buffer[:kept] = self._rest
                self._rest = b""
            arrived_us = earlier_us = max(self.emptied_us, not_before_us)
            if not stream.has_undecrypted and kept + size < len(shared.buffer):
                arrived_us = shared.stamps.arrived_us(stream.ancillary, before_us, earlier_us)
            self.take(kept + size, 0, shared.clock(), arrived_us, earlier_us)
            if size >= LARGE_READ_BYTES:
                self.check_window(size)
            if before_us > turn_ends_us:
                return False
        return True

    def check_window(self, just_read_bytes: int = 0) -> None:
        """Before a read after a gap, or after a large one: if the peer could not send, its losses are not its fault."""
        stream = self._stream
        if stream.had_no_room(just_read_bytes) if just_read_bytes else stream.is_window_closed():
            self._handler.on_window_closed(self._shared.clock())

    def take(self, end: int, position: int, now_us: int, arrived_us: int, earlier_us: int) -> None:
        """Take what lies in the shared buffer from `position` to `end`, and decide how the next read goes.

        The last byte arrived at `arrived_us` at the earliest, those before it at `earlier_us`.
        """
        if self._state is not State.DISCARDING:
            began_us = cpu_us()
            self._take(end, position, now_us, arrived_us, earlier_us)
            if self._share.is_flooded(cpu_us() - began_us, now_us):
                self._closing = Closing(int(CloseCode.POLICY_VIOLATION), FLOODED, Owner.GENERATOR)
                self._send_close(State.DISCARDING, CloseCode.POLICY_VIOLATION, FLOODED)
                self._end(FLOODED)  # nothing more of it is read, not even its end
        is_taking = self._state not in (State.DISCARDING, State.OVER)
        is_plain = is_taking and not (self._rest or self._reader or self._stream.is_tls)
        self.take_known = self._handler.take_known if is_plain else None

    def _take(self, end: int, position: int, now_us: int, arrived_us: int, earlier_us: int) -> None:
        """Take all whole frames; keep an unfinished one."""
        shared = self._shared
        if self._reader is None:
            position = self._take_frames(position, end, now_us, arrived_us, earlier_us)
            if position == end or self._state is State.OVER:
                return
            if self._reader is None:
                self._rest = bytes(shared.view[position:end])
                return
        events = self._reader.receive(shared.view[position:end])
        self._take_events(events, now_us, arrived_us if self._reader.is_idle else earlier_us, earlier_us)
        if self._reader is not None and self._reader.is_idle and self._extension is None:
            self._reader = None

    def _take_frames(self, position: int, end: int, now_us: int, arrived_us: int, earlier_us: int) -> int:
        """Take whole text and binary frames, and pings, in place; returns where it stopped.

        It stops at an unfinished frame, or, having made a Reader, at anything else.
        """
        buffer, handler = self._shared.buffer, self._handler
        while self._state is not State.OVER:
            position = handler.take_known(buffer, position, end, now_us, arrived_us, earlier_us)
            start, after = find_plain_frame(buffer, position, end, self._shared.dialling.max_message_bytes, MAX_REST)
            if not after:
                if start == NOT_PLAIN:
                    self._reader = self._new_reader()
                return position
            payload = bytes(buffer[start:after])
            if buffer[position] == FINAL_PING:
                self._pong(payload)
            elif buffer[position] == FINAL_BINARY or payload.isascii() or is_utf8(payload):
                frame = bytes(buffer[position:after])
                handler.on_message(payload, now_us, arrived_us if after == end else earlier_us, frame)
            else:
                self._reader = self._new_reader()
                return position
            position = after
        return end

    def _take_events(self, events: Sequence[FrameEvent], now_us: int, arrived_us: int, earlier_us: int) -> None:
        """Take what a Reader made of a read; only the last event can have ended with the read's last byte."""
        for event in events:
            if self._state in (State.OVER, State.DISCARDING):
                return
            match event:
                case Text(payload) | Binary(payload):
                    self._handler.on_message(payload, now_us, arrived_us if event is events[-1] else earlier_us, None)
                case Ping(payload):
                    self._pong(payload)
                case Closed(code, reason):
                    self._peer_closed(code, reason)
                case Failed(code, reason):
                    self._shared.counted.protocol_errors += code is not CloseCode.TOO_BIG
                    self._fail(code, reason)
                case _:
                    continue

    def pause_reading(self) -> None:
        """Read nothing until `resume_reading` or `close`: what comes waits in the kernel, then at the peer."""
        if self._become(State.PAUSED):
            self._poller.remove(self._stream.fd)

    def resume_reading(self) -> None:
        """Read again, and at once what waits, for a turn; idempotent."""
        if self._state is State.PAUSED and self._become(State.OPEN):
            self.check_window()
            self._poller.add(self._stream.fd, self)
            if not self.read(0, self._shared.clock() + TURN_US):
                self._poller.read_later(self._stream.fd)

    def has_unread(self) -> bool:
        """Whether bytes arrived that were not read: what they say is not known."""
        is_partial = self._state is State.PAUSED or bool(self._rest)
        return self._state is not State.OVER and (is_partial or self._stream.unread_bytes() > 0)

    # -- writing -----------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether messages may be sent: neither side has begun to close."""
        return self._state in (State.OPEN, State.PAUSED)

    def send(self, data: str | bytes) -> bool:
        """Write one message; waits in this greenlet while the kernel's buffer is full. Raises ConnectionClosed.

        Returns whether the kernel took it at once.
        """
        if not self.is_open:
            raise ConnectionClosed("the connection is closed", closing=self._closing)
        self._write_message(data)
        is_taken = not self._stream.unsent_bytes
        if not is_taken and not self._stream.wait_until_sent(SEND_TIMEOUT_S):
            self._end("the peer takes nothing any more")
        if self._state is State.OVER:
            raise ConnectionClosed(str(self._closing), closing=self._closing)
        return is_taken

    def send_soon(self, data: str | bytes) -> None:
        """Write one message without waiting; a peer that asks for answers and reads none is ended."""
        if self._stream.unsent_bytes > MAX_UNSENT_BYTES:
            self._end("the peer wants answers and reads none")
        elif self.is_open:
            self._write_message(data)

    def _write_message(self, data: str | bytes) -> None:
        opcode, payload = (Opcode.TEXT, data.encode()) if isinstance(data, str) else (Opcode.BINARY, data)
        is_compressed = False
        if self._extension is not None:
            payload, is_compressed = self._extension.deflate(payload)
        self._shared.counted.messages_written += 1
        self._write(opcode, payload, is_compressed)

    def _write(self, opcode: Opcode, payload: bytes, is_compressed: bool = False) -> None:
        frame = encode_frame(opcode, payload, self._shared.random.getrandbits(32), is_compressed)
        self._shared.counted.bytes_written += len(frame)
        try:
            self._stream.write(frame)
        except OSError as error:
            self._broken(error)

    def _pong(self, payload: bytes) -> None:
        if self._stream.unsent_bytes > MAX_UNSENT_BYTES:
            self._end("the peer sends pings and reads nothing")
        elif self.is_open:
            self._write(Opcode.PONG, payload)

    # -- the end -----------------------------------------------------------------------------------------------------

    def close(self, code: int = CloseCode.NORMAL) -> None:
        """Send a close frame, go on reading until the peer's own, wait briefly for its FIN, and close.

        A greenlet that is killed while it waits here leaves the connection closed all the same.
        """
        if self._state is State.OVER:
            return
        self._over = Event()
        self.resume_reading()
        self._send_close(State.CLOSING, code)
        try:
            if not self._over.wait(CLOSE_WAIT_S):
                self._end("the peer did not answer the close frame")
        finally:
            self._end("closed by us")

    def _send_close(self, state: State, code: int, reason: str = "") -> None:
        """Go on to a state in which our close frame is sent; it is sent once."""
        was_open = self.is_open
        if self._become(state) and was_open:
            self._write(Opcode.CLOSE, close_payload(code, reason))

    def _peer_closed(self, code: int, reason: str) -> None:
        """The peer's close frame: answer it, and give the peer a moment to close first (it then pays TIME_WAIT)."""
        by, why = (Owner.BACKEND, "closed by the peer") if self.is_open else (Owner.GENERATOR, "closed by us")
        self._closing = self._closing or Closing(int(code), reason or why, by)
        self._discard_input(code if code != CloseCode.NO_STATUS else CloseCode.NORMAL)
        self._wait_for_fin()

    def _fail(self, code: CloseCode, reason: str) -> None:
        """The peer broke a rule, or our handler did: say so, and read nothing more."""
        self._closing = Closing(int(code), reason, Owner.GENERATOR, is_our_fault=code in OUR_CODES)
        self._discard_input(code, reason)
        if self._state is not State.OVER:
            self._stream.finish_writing()
            self._wait_for_fin()

    def _discard_input(self, code: int, reason: str = "") -> None:
        """Close, and throw away what still comes."""
        self._send_close(State.DISCARDING, code, reason)
        self.take_known = None

    def _wait_for_fin(self) -> None:
        if self._state is State.OVER:
            return
        self._fin_timer = gevent.get_hub().loop.timer(FIN_WAIT_S)
        self._fin_timer.start(self._end, "the peer did not close")

    def _broken(self, error: OSError) -> None:
        """A read or a write failed."""
        owner = Owner.GENERATOR if is_own_error(error) else Owner.BACKEND
        self._end(name_of(error), owner, errno_of(error))

    def _end(self, reason: str, closed_by: Owner = Owner.GENERATOR, errno: str = "") -> None:
        """The connection is over. Called from the hub and from greenlets; only the first call does anything."""
        if not self._become(State.OVER):
            return
        self.take_known = None
        self._poller.remove(self._stream.fd)
        if self._fin_timer is not None:
            self._fin_timer.stop()
            self._fin_timer.close()
        self._stream.close()
        self._rest, self._reader = b"", None
        self._shared.counted.closed += 1
        is_our_fault = bool(errno) and closed_by is Owner.GENERATOR
        self._closing = self._closing or Closing(int(CloseCode.ABNORMAL), reason, closed_by, errno, is_our_fault)
        on_closed, self._on_closed = self._on_closed, lambda *_: None  # a session and its connection hold each other
        on_closed(self._closing, self._shared.clock())
        if self._over is not None:
            self._over.set()
