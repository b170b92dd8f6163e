"""WebSocket framing (RFC 6455) for a client: bytes in, messages out. Strict, and pure.

A `Reader` takes bytes as they come, cut anywhere, and returns what they complete. What the peer may not do ends the
stream with `Failed`, which says with which code to close (RFC 6455, 7.4.1): 1002 for a broken rule, 1007 for text that
is not UTF-8, 1009 for a message over the limit, which is told from its header, before memory is spent on it. After
`Failed` or `Closed` the reader returns nothing more.
"""

from __future__ import annotations

import struct
from codecs import getincrementaldecoder
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

MAX_MESSAGE_BYTES = 16 << 20
LIMIT = "--max-message-size"
"""What sets another one."""

MAX_CONTROL_BYTES = 125
"""RFC 6455, 5.5: the longest payload of a control frame."""

_Utf8Decoder = getincrementaldecoder("utf-8")


class Opcode(IntEnum):
    """RFC 6455, 5.2 and 11.8."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class CloseCode(IntEnum):
    """RFC 6455, 7.4.1, and IANA's registry since. Those marked never travel in a frame."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005
    """Stands for a close frame without a code. Never travels."""
    ABNORMAL = 1006
    """Stands for a connection that ended without a close frame. Never travels."""
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_FAILED = 1015
    """Stands for a TLS handshake that failed. Never travels."""


_NEVER_SENT = {CloseCode.NO_STATUS, CloseCode.ABNORMAL, CloseCode.TLS_FAILED}
_SENDABLE = {int(code) for code in CloseCode} - {int(code) for code in _NEVER_SENT}


def may_travel(code: int) -> bool:
    """Whether a close frame may carry the code: a registered one, or 3000 to 4999 for libraries and applications."""
    return code in _SENDABLE or 3000 <= code <= 4999


@dataclass(frozen=True, slots=True)
class Text:
    """A whole text message, valid UTF-8."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Binary:
    """A whole binary message."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer it at once with a pong of the same payload."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """An answer to a ping, or an unasked-for sign of life."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer's close frame; answer it with one of the same code, if none was sent yet."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The peer broke a rule: send a close frame with this code and end the connection."""

    code: CloseCode
    reason: str


Event = Text | Binary | Ping | Pong | Closed | Failed


class Inflater(Protocol):
    """The receiving half of permessage-deflate (RFC 7692)."""

    def inflate(self, data: bytes, is_final: bool, is_first: bool, max_bytes: int) -> bytes:
        """One frame of a compressed message. Raises ValueError for bad data, OverflowError for more than max_bytes."""


class _Violation(Exception):
    def __init__(self, code: CloseCode, reason: str) -> None:
        self.failure = Failed(code, reason)


@dataclass(frozen=True, slots=True)
class _Header:
    opcode: int
    is_final: bool
    is_compressed: bool
    header_bytes: int
    payload_bytes: int


class Reader:
    """The receiving side of one connection. `inflater` is there when permessage-deflate was negotiated."""

    __slots__ = ("_buffer", "_decoder", "_inflater", "_is_compressed", "_is_over", "_max_bytes", "_opcode", "_parts")

    def __init__(self, max_message_bytes: int = MAX_MESSAGE_BYTES, inflater: Inflater | None = None) -> None:
        self._max_bytes = max_message_bytes
        self._inflater = inflater
        self._buffer = bytearray()
        self._opcode: int | None = None
        self._parts = bytearray()
        self._is_compressed = False
        self._decoder = _Utf8Decoder()
        self._is_over = False

    @property
    def is_idle(self) -> bool:
        """Nothing is half received: a new reader would do as well."""
        return not self._buffer and self._opcode is None and not self._is_over

    def receive(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """Take bytes, return what they complete, in order; `Failed` or `Closed` comes last, and once."""
        events: list[Event] = []
        if self._is_over:
            return events
        self._buffer += data
        try:
            while (header := self._header()) is not None:
                end = header.header_bytes + header.payload_bytes
                if len(self._buffer) < end:
                    break
                payload = bytes(self._buffer[header.header_bytes : end])
                del self._buffer[:end]
                event = self._take(header, payload)
                if event is not None:
                    events.append(event)
                if isinstance(event, Closed):
                    self._is_over = True
                    self._buffer.clear()
        except _Violation as violation:
            self._is_over = True
            self._buffer.clear()
            events.append(violation.failure)
        return events

    def _header(self) -> _Header | None:
        """The header at the head of the buffer, checked; None while it is incomplete."""
        buffer = self._buffer
        if not buffer:
            return None
        opcode, is_final = buffer[0] & 0x0F, bool(buffer[0] & 0x80)
        is_compressed = self._check_first_byte(buffer[0], opcode, is_final)
        if len(buffer) < 2:
            return None
        if buffer[1] & 0x80:
            raise _Violation(CloseCode.PROTOCOL_ERROR, "masked frame from a server")
        size, header_bytes = buffer[1] & 0x7F, 2
        if opcode >= Opcode.CLOSE and size > MAX_CONTROL_BYTES:
            raise _Violation(CloseCode.PROTOCOL_ERROR, "control frame over 125 bytes")
        if size >= 126:
            extra = 2 if size == 126 else 8
            header_bytes += extra
            if len(buffer) < header_bytes:
                return None
            size = _long_length(buffer, extra)
        if size > self._max_bytes or (opcode < Opcode.CLOSE and len(self._parts) + size > self._max_bytes):
            raise _Violation(CloseCode.TOO_BIG, f"message of {len(self._parts) + size} bytes exceeds {LIMIT}")
        return _Header(opcode, is_final, is_compressed, header_bytes, size)

    def _check_first_byte(self, first: int, opcode: int, is_final: bool) -> bool:
        """Check reserved bits, opcode and fragmentation; returns whether a compressed message begins."""
        is_compressed = bool(first & 0x40)
        if first & 0x30 or (is_compressed and (self._inflater is None or opcode not in (Opcode.TEXT, Opcode.BINARY))):
            raise _Violation(CloseCode.PROTOCOL_ERROR, "reserved bits set")
        if opcode not in _OPCODES:
            raise _Violation(CloseCode.PROTOCOL_ERROR, f"reserved opcode {opcode}")
        if opcode >= Opcode.CLOSE:
            if not is_final:
                raise _Violation(CloseCode.PROTOCOL_ERROR, "fragmented control frame")
        elif (opcode == Opcode.CONTINUATION) != (self._opcode is not None):
            raise _Violation(CloseCode.PROTOCOL_ERROR, "continuation without a beginning, or the reverse")
        return is_compressed

    def _take(self, header: _Header, payload: bytes) -> Event | None:
        """One whole frame."""
        if header.opcode == Opcode.PING:
            return Ping(payload)
        if header.opcode == Opcode.PONG:
            return Pong(payload)
        if header.opcode == Opcode.CLOSE:
            return _closed(payload)
        return self._take_data(header, payload)

    def _take_data(self, header: _Header, payload: bytes) -> Event | None:
        """A part of a message; returns the message when it is whole."""
        is_first = self._opcode is None
        if is_first:
            self._opcode, self._is_compressed = header.opcode, header.is_compressed
        if self._is_compressed:
            payload = self._inflate(payload, header.is_final, is_first)
        if self._opcode == Opcode.TEXT:
            self._check_text(payload, header.is_final)
        self._parts += payload
        if not header.is_final:
            return None
        message, opcode = bytes(self._parts), self._opcode
        self._parts.clear()
        self._opcode = None
        return Text(message) if opcode == Opcode.TEXT else Binary(message)

    def _inflate(self, payload: bytes, is_final: bool, is_first: bool) -> bytes:
        assert self._inflater is not None
        try:
            return self._inflater.inflate(payload, is_final, is_first, self._max_bytes - len(self._parts))
        except OverflowError as error:
            raise _Violation(CloseCode.TOO_BIG, f"message exceeds {LIMIT} when inflated") from error
        except ValueError as error:
            raise _Violation(CloseCode.INVALID_DATA, f"compressed data is damaged: {error}") from error

    def _check_text(self, payload: bytes, is_final: bool) -> None:
        """UTF-8 may be cut between fragments, anywhere."""
        try:
            self._decoder.decode(payload, is_final)
        except UnicodeDecodeError as error:
            raise _Violation(CloseCode.INVALID_DATA, "text is not UTF-8") from error
        if is_final:
            self._decoder.reset()


_OPCODES = frozenset(int(opcode) for opcode in Opcode)


def _long_length(buffer: bytearray, extra: int) -> int:
    """A length of 2 or 8 bytes; it must be the shortest form (RFC 6455, 5.2), and below 2^63."""
    size = int.from_bytes(buffer[2 : 2 + extra], "big")
    if size < (126 if extra == 2 else 1 << 16) or size >> 63:
        raise _Violation(CloseCode.PROTOCOL_ERROR, f"length {size} in a form of {extra} bytes")
    return size


def _closed(payload: bytes) -> Closed:
    if not payload:
        return Closed(CloseCode.NO_STATUS, "")
    if len(payload) == 1:
        raise _Violation(CloseCode.PROTOCOL_ERROR, "close frame of one byte")
    code = int.from_bytes(payload[:2], "big")
    if not may_travel(code):
        raise _Violation(CloseCode.PROTOCOL_ERROR, f"close code {code} may not be sent")
    try:
        return Closed(code, payload[2:].decode())
    except UnicodeDecodeError as error:
        raise _Violation(CloseCode.INVALID_DATA, "close reason is not UTF-8") from error


# -- sending -----------------------------------------------------------------------------------------------------------


def encode_frame(opcode: int, payload: bytes, mask: int, is_compressed: bool = False) -> bytes:
    """One whole client frame. `mask` is 32 bits that the peer cannot guess (RFC 6455, 5.3 and 10.3)."""
    size = len(payload)
    first = 0x80 | (0x40 if is_compressed else 0) | opcode
    if size < 126:
        head = struct.pack("!BBI", first, 0x80 | size, mask)
    elif size < 1 << 16:
        head = struct.pack("!BBHI", first, 0xFE, size, mask)
    else:
        head = struct.pack("!BBQI", first, 0xFF, size, mask)
    return head + apply_mask(payload, mask)


def apply_mask(payload: bytes, mask: int) -> bytes:
    """XOR with the repeated mask, as one big number: the fastest way there is without leaving Python."""
    size = len(payload)
    words = -(-size // 4)
    repeated = int.from_bytes(mask.to_bytes(4, "big") * words, "big") >> (8 * (4 * words - size))
    return (int.from_bytes(payload, "big") ^ repeated).to_bytes(size, "big")


def close_payload(code: int, reason: str = "") -> bytes:
    """The payload of a close frame; empty for a code that may not travel."""
    return code.to_bytes(2, "big") + reason.encode()[: MAX_CONTROL_BYTES - 2] if may_travel(code) else b""


FINAL_TEXT, FINAL_BINARY, FINAL_PING = 0x81, 0x82, 0x89
"""The first bytes of a whole, uncompressed text or binary frame, and of a ping (RFC 6455, 5.2)."""

NOT_PLAIN = -1


def find_plain_frame(
    buffer: bytearray, position: int, end: int, max_bytes: int, max_rest_bytes: int
) -> tuple[int, int]:
    """Where the payload of the text or binary frame, or ping, at `position` is; (0, 0) while it is unfinished.

    (NOT_PLAIN, 0) for any other frame, for one of over `max_bytes`, and for an unfinished one of over
    `max_rest_bytes`: give it to a Reader.
    """
    if end - position < 2:
        return 0, 0
    first, size, start = buffer[position], buffer[position + 1], position + 2
    is_plain = size < 126 and first in (FINAL_TEXT, FINAL_BINARY, FINAL_PING)
    if size == 126 and first in (FINAL_TEXT, FINAL_BINARY):
        if end - position < 4:
            return 0, 0
        size, start = buffer[start] << 8 | buffer[start + 1], start + 2
        is_plain = size >= 126
    if not is_plain or size > max_bytes or (start + size > end and start + size - position > max_rest_bytes):
        return NOT_PLAIN, 0
    return (start, start + size) if start + size <= end else (0, 0)


def is_utf8(payload: bytes) -> bool:
    """Whether bytes are valid UTF-8, as those of a text message must be (RFC 6455, 8.1)."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
