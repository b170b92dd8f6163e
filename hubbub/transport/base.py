"""What a WebSocket transport takes and gives."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

OnText = Callable[[bytes, int], None]
"""Called from the transport's reader with each whole text frame and its time of arrival; must not block."""

OnClosed = Callable[[int, str, int], None]
"""Called once when the connection is gone: close code (1006 when none came), reason, time."""


class Connection(Protocol):
    """An established WebSocket connection."""

    def send_text(self, text: str) -> None:
        """Write one text frame. Raises LinkClosed when the connection is gone."""

    def close(self, code: int = 1000) -> None:
        """Close with a handshake, waiting briefly for the peer; harmless when closed already."""


@dataclass(frozen=True, slots=True)
class Dialling:
    """How connections are made. `ssl_context` is shared by all of them: one each costs 20 ms and 0.83 MB."""

    timeout_us: int
    headers: Mapping[str, str]
    ssl_context: ssl.SSLContext | None = None


class Connect(Protocol):
    """Makes a connection: TCP, TLS, upgrade. Raises ConnectError."""

    def __call__(self, url: str, dialling: Dialling, on_text: OnText, on_closed: OnClosed) -> Connection: ...


def make_ssl_context(ca: str, is_insecure: bool) -> ssl.SSLContext:
    """The TLS context of a run. `ca` is a PEM file, empty for the system's authorities."""
    context = ssl.create_default_context(cafile=ca or None)
    if is_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
