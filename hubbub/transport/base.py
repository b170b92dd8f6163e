"""What a WebSocket transport takes and gives."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from hubbub.errors import Closing
from hubbub.option_kinds import Resolve
from hubbub.transport.frames import MAX_MESSAGE_BYTES
from hubbub.transport.names import DEFAULT_TTL_US

OnClosed = Callable[[Closing, int], None]
"""Called once when the connection is gone: how it ended, and when, in microseconds."""


NO_HEADERS: Mapping[str, str] = MappingProxyType({})

TakeKnown = Callable[[bytearray, int, int, int, int, int], int]
"""FrameHandler.take_known, as a value."""


class FrameHandler(Protocol):
    """Where a connection's messages go. Called from the transport's reader; must not block.

    `now_us` is when the bytes were read. They arrived between the last time at which the socket was seen empty and
    then: `arrived_us` is the earliest possible time for the last byte of the read, `earlier_us` for those before it.
    """

    def take_known(self, buffer: bytearray, start: int, end: int, now_us: int, arrived_us: int, earlier_us: int) -> int:
        """Take whole frames that are known byte for byte, from `start` on; returns where they end.

        The bytes from `start` to `end` are what was read; what lies behind `end` is stale.
        """

    def on_message(self, payload: bytes, now_us: int, arrived_us: int, frame: bytes | None) -> None:
        """A whole message arrived; `frame` is the text frame that it came in, if that was one and not compressed."""

    def on_window_closed(self, now_us: int) -> None:
        """The peer could not send for a while until now, because we did not read: it may have dropped messages."""


class Connection(Protocol):
    """An established WebSocket connection."""

    @property
    def is_open(self) -> bool:
        """Whether messages may be sent: neither side has begun to close."""

    def send(self, data: str | bytes) -> bool:
        """Write one message, text or binary; returns whether the kernel took it at once. Raises ConnectionClosed."""

    def send_soon(self, data: str | bytes) -> None:
        """The same from the transport's reader: it never waits, and a connection that cannot take it is ended."""

    def pause_reading(self) -> None:
        """Read nothing until `resume_reading`, as a slow reader does: pings are not answered either."""

    def resume_reading(self) -> None:
        """Read again, and at once what waits; idempotent."""

    def has_unread(self) -> bool:
        """Whether bytes arrived that were not read."""

    def close(self, code: int = 1000) -> None:
        """Close with a handshake, waiting briefly for the peer; idempotent."""


class Transport(Protocol):
    """Makes connections that share what can be shared."""

    def connect(
        self, url: str, handler: FrameHandler, on_closed: OnClosed, headers: Mapping[str, str] = NO_HEADERS
    ) -> Connection:
        """TCP, TLS and upgrade, with headers of this connection's own. Raises ConnectError."""

    @property
    def connected(self) -> Mapping[str, int]:
        """How many connections were made to each address."""

    def look_up_again(self) -> None:
        """The next connection asks for the addresses of its host anew: the backend may have moved."""

    def look(self) -> None:
        """Read what has arrived; call it as a heartbeat, so that the last look is never long ago without a reason."""

    def stamps_are_steady(self) -> bool:
        """Whether the receive stamps since the last call can be believed; call it once a second."""

    @property
    def clock_bound_us(self) -> int | None:
        """How far off the receive stamps may be; None without stamps."""

    def statistics(self) -> dict[str, int]:
        """What all connections have done so far, by name."""

    def close(self) -> None:
        """Give back what connections share. Close them before. Idempotent."""


@dataclass(frozen=True, slots=True)
class Dialling:
    """How connections are made. `ssl_context` is shared by all of them: one each costs 20 ms and 0.83 MB.

    `sources` are local addresses to connect from, in turn: each has 28,232 ports for one address of the backend.
    `wants_stamps`: ask the kernel when bytes arrived, see stamps.py.
    """

    timeout_us: int
    headers: Mapping[str, str] = field(default_factory=dict)
    ssl_context: ssl.SSLContext | None = None
    sources: tuple[str, ...] = ()
    offers_deflate: bool = False
    max_message_bytes: int = MAX_MESSAGE_BYTES
    wants_stamps: bool = True
    resolve: Resolve = field(default_factory=Resolve)
    dns_ttl_us: int = DEFAULT_TTL_US


def websocket_origin(origin: str) -> str:
    """ws:// for http://, wss:// for https://."""
    parts = urlsplit(origin)
    return urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))
