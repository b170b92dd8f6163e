"""The baseline transport: the websocket-client library, and one greenlet per connection that reads."""

from __future__ import annotations

import socket
from contextlib import suppress

import gevent
import websocket

from hubbub.clock import monotonic_us
from hubbub.errors import ConnectError, LinkClosed
from hubbub.transport.base import Dialling, OnClosed, OnText

CLOSE_WAIT_S = 2.0
ABNORMAL_CLOSURE = 1006
"""RFC 6455, 7.4.1: stands for a connection that ended without a close frame."""


class WebSocketClientConnection:
    """One connection; see `connect`."""

    __slots__ = ("_close_code", "_on_closed", "_on_text", "_reader", "_socket")

    def __init__(self, raw: websocket.WebSocket, on_text: OnText, on_closed: OnClosed) -> None:
        self._socket = raw
        self._on_text = on_text
        self._on_closed = on_closed
        self._close_code = ABNORMAL_CLOSURE
        self._reader = gevent.spawn(self._read)

    def send_text(self, text: str) -> None:
        """Write one text frame. Raises LinkClosed."""
        try:
            self._socket.send(text)
        except (OSError, websocket.WebSocketException) as error:
            raise LinkClosed(f"the connection is closed: {error}") from error

    def close(self, code: int = 1000) -> None:
        """Send a close frame, wait up to two seconds for the peer's, close the socket."""
        with suppress(OSError, websocket.WebSocketException, ValueError):  # the peer was faster: the reader tells
            self._socket.send_close(code)
        self._reader.join(CLOSE_WAIT_S)
        self._reader.kill()

    def _read(self) -> None:
        reason = "killed"
        try:
            reason = self._read_frames()
        except (OSError, websocket.WebSocketException) as error:
            reason = f"{type(error).__name__}: {error}"
        finally:
            self._socket.shutdown()
            self._on_closed(self._close_code, reason, monotonic_us())

    def _read_frames(self) -> str:
        while True:
            opcode, payload = self._socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_TEXT:
                self._on_text(payload, monotonic_us())
            elif opcode == websocket.ABNF.OPCODE_CLOSE:
                if len(payload) >= 2:
                    self._close_code = int.from_bytes(payload[:2], "big")
                return "closed by the peer"


def connect(url: str, dialling: Dialling, on_text: OnText, on_closed: OnClosed) -> WebSocketClientConnection:
    """Connect to `url`. Raises ConnectError; what the server said is kept as its status only."""
    sslopt = {"context": dialling.ssl_context} if dialling.ssl_context else None
    raw = websocket.WebSocket(
        sslopt=sslopt, enable_multithread=True, sockopt=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
    )
    header = [f"{name}: {value}" for name, value in dialling.headers.items() if name.lower() != "origin"]
    origin = next((value for name, value in dialling.headers.items() if name.lower() == "origin"), None)
    try:
        raw.connect(
            url,
            timeout=dialling.timeout_us / 1e6,
            header=header,
            origin=origin,
            suppress_origin=origin is None,
            http_no_proxy=["*"],
            redirect_limit=0,
        )
    except websocket.WebSocketBadStatusException as error:
        raise ConnectError(f"HTTP {error.status_code}", error.status_code) from error
    except (OSError, websocket.WebSocketException, ValueError) as error:
        raise ConnectError(type(error).__name__) from error
    raw.settimeout(None)
    return WebSocketClientConnection(raw, on_text, on_closed)
