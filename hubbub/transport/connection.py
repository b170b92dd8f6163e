"""One WebSocket connection on gevent, read in hub callbacks: no greenlet waits for bytes.

What the poller reads lies in one buffer that all connections share; whole frames go to the receiver from there. First
come the frames that the receiver knows byte for byte; then whole, final, uncompressed text frames, cut out in place;
everything else goes through `frames.Reader`. An unfinished frame is kept until the rest of it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import gevent
from gevent.event import Event

from hubbub.clock import Clock
from hubbub.errors import LinkClosed, is_own_error, name_of
from hubbub.transport.base import Dialling, OnClosed, Receiver, TakeKnown
from hubbub.transport.deflate import Deflate
from hubbub.transport.frames import (
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
)
from hubbub.transport.frames import Event as FrameEvent
from hubbub.transport.poller import LARGE_READ_BYTES, Poller
from hubbub.transport.stamps import ReceiveStamps
from hubbub.transport.stream import Stream

BUFFER_BYTES = 256 * 1024
LONGEST_REST = BUFFER_BYTES // 2
"""A longer unfinished frame is collected by the Reader instead of in the shared buffer."""

READS_PER_CALL = 8
"""How often one call reads before the hub looks at other connections."""

MAX_UNSENT_BYTES = 1 << 20
CLOSE_WAIT_S = 2.0
FIN_WAIT_S = 1.0
SEND_TIMEOUT_S = 10.0
FINAL_TEXT, FINAL_PING = 0x81, 0x89
"""The first bytes of a whole, uncompressed text frame, and of a ping (RFC 6455, 5.2)."""


@dataclass(slots=True)
class Statistics:
    """What all connections of a transport have done so far."""

    connected: int = 0
    closed: int = 0
    reads: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    messages_written: int = 0
    protocol_errors: int = 0
    receiver_errors: int = 0


class Shared:
    """What all connections of a transport share: read buffer, random masks, clock, receive stamps, counts."""

    def __init__(self, dialling: Dialling, seed: int, clock: Clock) -> None:
        self.dialling = dialling
        self.clock = clock
        self.stamps = ReceiveStamps(dialling.wants_stamps)
        self.buffer = bytearray(BUFFER_BYTES)
        self.view = memoryview(self.buffer)
        self.random = Random(seed)
        self.poller = Poller(self)
        self.counted = Statistics()
        self.last_error = ""


class SocketConnection:
    """One WebSocket connection. Made by SocketTransport.connect."""

    __slots__ = (
        "_close_code",
        "_close_reason",
        "_close_sent",
        "_extension",
        "_fin_timer",
        "_is_deaf",
        "_is_our_fault",
        "_is_over",
        "_is_paused",
        "_on_closed",
        "_over",
        "_reader",
        "_receiver",
        "_rest",
        "_shared",
        "_stream",
        "emptied_us",
        "recvmsg_into",
        "take_known",
    )

    def __init__(
        self,
        shared: Shared,
        stream: Stream,
        receiver: Receiver,
        on_closed: OnClosed,
        rest: bytes,
        extension: Deflate | None,
    ) -> None:
        self._shared = shared
        self._stream = stream
        self._receiver = receiver
        self._on_closed = on_closed
        self._extension = extension
        self._reader: Reader | None = self._new_reader() if extension else None
        self._rest = b""
        self._close_sent = False
        self._close_code = int(CloseCode.ABNORMAL)
        self._close_reason = ""
        self._is_deaf = False
        self._is_our_fault = False
        self._is_over = False
        self._is_paused = False
        self._over: Event | None = None
        self._fin_timer: Any = None
        self.recvmsg_into = stream.recvmsg_into
        self.emptied_us = shared.clock()
        """When the socket was last seen empty: what is read next arrived later."""
        self.take_known: TakeKnown | None = None
        stream.on_broken = self._broken
        gevent.get_hub().loop.run_callback(self._begin, rest)

    def __repr__(self) -> str:
        state = "over" if self._is_over else "closing" if self._close_sent else "open"
        return f"<SocketConnection {state}, fd {self._stream.fd}, {len(self._rest)} bytes unfinished>"

    def _new_reader(self) -> Reader:
        return Reader(self._shared.dialling.max_message_bytes, self._extension)

    # -- reading -----------------------------------------------------------------------------------------------------

    def _begin(self, rest: bytes) -> None:
        """Hub callback, once: take what came with the upgrade's answer, and whatever comes from now on."""
        if self._is_over:
            return
        if not self._is_paused:
            self._shared.poller.add(self._stream.fd, self)
        self._shared.buffer[: len(rest)] = rest
        try:
            self.take(len(rest), 0, self._shared.clock(), self.emptied_us, self.emptied_us)
        except Exception as error:
            self.caught(error)
        if self._stream.is_tls:
            self.read()

    def read(self, not_before_us: int = 0) -> None:
        """Hub callback: read until nothing is there. The poller has a short way of its own while `take_known` is there.

        The poller knows when the socket had nothing: `not_before_us`. Whatever goes wrong ends this connection alone.
        """
        try:
            self._read(not_before_us)
        except Exception as error:
            self.caught(error)

    def caught(self, error: Exception) -> None:
        """The network's fault, or the receiver's or ours, which are counted."""
        self._is_our_fault = self._is_our_fault or not isinstance(error, OSError) or is_own_error(error)
        if isinstance(error, OSError):
            self._end(name_of(error))
            return
        self._shared.counted.receiver_errors += 1
        self._shared.last_error = f"{type(error).__name__}: {error}"
        self._fail(CloseCode.INTERNAL_ERROR, self._shared.last_error)

    def ended_by_peer(self) -> None:
        """The end of the stream was read."""
        self._end("closed by the peer" if self._close_sent else "ended without a close frame")

    def _read(self, not_before_us: int) -> None:
        shared, stream = self._shared, self._stream
        counted = shared.counted
        for _ in range(READS_PER_CALL):
            if self._is_over or self._is_paused:
                return
            kept = len(self._rest)
            before_us = shared.clock()
            size = stream.read_into(shared.view[kept:])
            if size < 0:
                self.emptied_us = before_us
                return
            if size == 0:
                self.ended_by_peer()
                return
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
        gevent.get_hub().loop.run_callback(self.read)

    def check_window(self, just_read_bytes: int = 0) -> None:
        """Before a read after a gap, or after a large one: if the peer could not send, its losses are not its fault."""
        stream = self._stream
        if stream.had_no_room(just_read_bytes) if just_read_bytes else stream.is_window_closed():
            self._receiver.on_window_closed(self._shared.clock())

    def take(self, end: int, position: int, now_us: int, arrived_us: int, earlier_us: int) -> None:
        """Take what lies in the shared buffer from `position` to `end`, and decide how the next read goes.

        The last byte arrived at `arrived_us` at the earliest, those before it at `earlier_us`.
        """
        if not self._is_deaf:
            self._take(end, position, now_us, arrived_us, earlier_us)
        is_plain = not (self._rest or self._reader or self._is_deaf or self._is_over or self._stream.is_tls)
        self.take_known = self._receiver.take_known if is_plain else None

    def _take(self, end: int, position: int, now_us: int, arrived_us: int, earlier_us: int) -> None:
        """Take all whole frames; keep an unfinished one."""
        shared = self._shared
        if self._reader is None:
            position = self._take_frames(position, end, now_us, arrived_us, earlier_us)
            if position == end or self._is_over:
                return
            if self._reader is None:
                self._rest = bytes(shared.view[position:end])
                return
        events = self._reader.receive(shared.view[position:end])
        self._take_events(events, now_us, arrived_us if self._reader.is_idle else earlier_us, earlier_us)
        if self._reader is not None and self._reader.is_idle and self._extension is None:
            self._reader = None

    def _take_frames(self, position: int, end: int, now_us: int, arrived_us: int, earlier_us: int) -> int:
        """Take whole text frames and pings in place; returns where it stopped.

        It stops at an unfinished frame, or, having made a Reader, at anything else.
        """
        buffer, receiver = self._shared.buffer, self._receiver
        while not self._is_over:
            position = receiver.take_known(buffer, position, end, now_us, arrived_us, earlier_us)
            start, after = self._find_frame(position, end)
            if not after:
                return position
            payload = bytes(buffer[start:after])
            if buffer[position] == FINAL_PING:
                self._pong(payload)
            elif payload.isascii() or _is_utf8(payload):
                frame = bytes(buffer[position:after])
                receiver.on_message(payload, now_us, arrived_us if after == end else earlier_us, frame)
            else:
                self._reader = self._new_reader()
                return position
            position = after
        return end

    def _find_frame(self, position: int, end: int) -> tuple[int, int]:
        """Where the payload of the text frame or ping at `position` begins and ends; (0, 0) if it is unfinished.

        At any other frame, and at one too long to be kept in the shared buffer, it makes a Reader and returns (0, 0).
        """
        buffer = self._shared.buffer
        if end - position < 2:
            return 0, 0
        first, size, start = buffer[position], buffer[position + 1], position + 2
        is_plain = size < 126 and first in (FINAL_TEXT, FINAL_PING)
        if size == 126 and first == FINAL_TEXT:
            if end - position < 4:
                return 0, 0
            size, start = buffer[start] << 8 | buffer[start + 1], start + 2
            is_plain = size >= 126
        is_too_long = size > self._shared.dialling.max_message_bytes
        if not is_plain or is_too_long or (start + size > end and start + size - position > LONGEST_REST):
            self._reader = self._new_reader()
            return 0, 0
        return (start, start + size) if start + size <= end else (0, 0)

    def _take_events(self, events: Sequence[FrameEvent], now_us: int, arrived_us: int, earlier_us: int) -> None:
        """Take what a Reader made of a read; only the last event can have ended with the read's last byte."""
        for event in events:
            if self._is_over or self._is_deaf:
                return
            match event:
                case Text(payload) | Binary(payload):
                    self._receiver.on_message(payload, now_us, arrived_us if event is events[-1] else earlier_us, None)
                case Ping(payload):
                    self._pong(payload)
                case Closed(code, reason):
                    self._peer_closed(code, reason)
                case Failed(code, reason):
                    self._shared.counted.protocol_errors += 1
                    self._fail(code, reason)
                case _:
                    continue

    def pause_reading(self) -> None:
        """Read nothing until `resume_reading` or `close`: what comes waits in the kernel, then at the peer."""
        if not self._is_over:
            self._is_paused = True
            self._shared.poller.remove(self._stream.fd)

    def resume_reading(self) -> None:
        """Read again, and at once what waits; harmless when reading was not paused."""
        if self._is_paused and not self._is_over:
            self._is_paused = False
            self.check_window()
            self._shared.poller.add(self._stream.fd, self)
            self.read()

    def has_unread(self) -> bool:
        """Whether bytes arrived that were not read: what they say is not known."""
        return not self._is_over and (self._is_paused or bool(self._rest) or self._stream.unread_bytes() > 0)

    # -- writing -----------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether messages may be sent: neither side has begun to close."""
        return not (self._is_over or self._close_sent)

    def send_text(self, text: str) -> bool:
        """Write one text message; waits in this greenlet while the kernel's buffer is full. Raises LinkClosed.

        Returns whether the kernel took it at once.
        """
        if not self.is_open:
            raise LinkClosed("the connection is closed", self._is_our_fault)
        payload, is_compressed = text.encode(), False
        if self._extension is not None:
            payload, is_compressed = self._extension.deflate(payload)
        self._shared.counted.messages_written += 1
        self._write(Opcode.TEXT, payload, is_compressed)
        is_taken = not self._stream.unsent_bytes
        if not is_taken and not self._stream.wait_until_sent(SEND_TIMEOUT_S):
            self._end("the peer takes nothing any more")
        if self._is_over:
            raise LinkClosed(self._close_reason or "the connection is closed", self._is_our_fault)
        return is_taken

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
        elif not self._close_sent:
            self._write(Opcode.PONG, payload)

    # -- the end -----------------------------------------------------------------------------------------------------

    def close(self, code: int = CloseCode.NORMAL) -> None:
        """Send a close frame, go on reading until the peer's own, wait briefly for its FIN, and close.

        A greenlet that is killed while it waits here leaves the connection closed all the same.
        """
        if self._is_over:
            return
        self.resume_reading()
        self._send_close(code)
        self._over = Event()
        try:
            if not self._is_over and not self._over.wait(CLOSE_WAIT_S):
                self._end("the peer did not answer the close frame")
        finally:
            self._end("closed by us")

    def _send_close(self, code: int, reason: str = "") -> None:
        if not self._close_sent:
            self._close_sent = True
            self._write(Opcode.CLOSE, close_payload(code, reason))

    def _peer_closed(self, code: int, reason: str) -> None:
        """The peer's close frame: answer it, and give the peer a moment to close first (it then pays TIME_WAIT)."""
        self._close_code, self._close_reason = code, reason or "closed by the peer"
        self._send_close(code if code != CloseCode.NO_STATUS else CloseCode.NORMAL)
        self._go_deaf()
        self._wait_for_fin()

    def _fail(self, code: CloseCode, reason: str) -> None:
        """The peer broke a rule, or our receiver did: say so, and read nothing more."""
        self._close_code, self._close_reason = int(code), reason
        self._send_close(code, reason)
        self._go_deaf()
        if not self._is_over:
            self._stream.finish_writing()
            self._wait_for_fin()

    def _go_deaf(self) -> None:
        """Whatever still comes is thrown away."""
        self._is_deaf, self.take_known = True, None

    def _wait_for_fin(self) -> None:
        if self._is_over:
            return
        self._fin_timer = gevent.get_hub().loop.timer(FIN_WAIT_S)
        self._fin_timer.start(self._end, "the peer did not close")

    def _broken(self, error: OSError) -> None:
        """A write failed."""
        self._is_our_fault = self._is_our_fault or is_own_error(error)
        self._end(name_of(error))

    def _end(self, reason: str) -> None:
        """The connection is over. Called from the hub and from greenlets; only the first call does anything."""
        if self._is_over:
            return
        self._is_over = True
        self.take_known = None
        self._shared.poller.remove(self._stream.fd)
        if self._fin_timer is not None:
            self._fin_timer.stop()
            self._fin_timer.close()
        self._stream.close()
        self._rest, self._reader = b"", None
        self._shared.counted.closed += 1
        on_closed, self._on_closed = self._on_closed, _nobody
        on_closed(self._close_code, self._close_reason or reason, self._shared.clock(), self._is_our_fault)
        if self._over is not None:
            self._over.set()


def _nobody(_code: int, _reason: str, _now_us: int, _is_our_fault: bool) -> None:
    """Who is told when everyone has been told: breaks the cycle between a connection and its session."""


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
