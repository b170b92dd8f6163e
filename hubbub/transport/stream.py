"""Bytes over TCP or TLS, without blocking the hub: connect, read into a shared buffer, write what the kernel takes.

TLS runs through memory buffers (`ssl.SSLObject`), so that reading is the same with and without it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event
from gevent.hub import Waiter

from hubbub.errors import ConnectError

raw_socket = monkey.get_original("socket", "socket")
"""The plain socket: gevent's own would hold two watchers each, and wait where we only want to look."""

from socket import (  # noqa: E402 - after the original class was fetched
    AF_INET6,
    IPPROTO_IP,
    IPPROTO_TCP,
    SHUT_WR,
    SO_ERROR,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
)

IP_BIND_ADDRESS_NO_PORT = 24
"""Linux, ip(7): choose the port when connecting, so that ports are only used up per destination."""

READ, WRITE = 1, 2
TLS_CHUNK = 64 * 1024


def wait_for(fd: int, events: int, timeout_s: float) -> None:
    """Wait in this greenlet until a file can be read or written. Raises TimeoutError."""
    hub = gevent.get_hub()
    watcher = hub.loop.io(fd, events)
    timer = hub.loop.timer(max(timeout_s, 0.0))
    waiter: Waiter[bool] = Waiter(hub)
    watcher.start(waiter.switch, True)
    timer.start(waiter.switch, False)
    try:
        if not waiter.get():
            raise TimeoutError
    finally:
        watcher.stop()
        watcher.close()
        timer.stop()
        timer.close()


class Stream:
    """One connected, non-blocking byte stream."""

    __slots__ = (
        "_incoming",
        "_outgoing",
        "_sent",
        "_socket",
        "_tls",
        "_unsent",
        "_write_watcher",
        "fd",
        "is_tls",
        "on_broken",
        "recv_into",
    )

    def __init__(self, connected: Any) -> None:
        self._socket = connected
        self.fd: int = connected.fileno()
        self.recv_into: Callable[[bytearray], int] = connected.recv_into
        """The socket's own method: bytes as they come, without TLS. Raises BlockingIOError where there are none."""
        self._tls: ssl.SSLObject | None = None
        self.is_tls = False
        self._incoming: ssl.MemoryBIO | None = None
        self._outgoing: ssl.MemoryBIO | None = None
        self._unsent = b""
        self._sent: Event | None = None
        self._write_watcher: Any = None
        self.on_broken: Callable[[], None] | None = None

    # -- setting up --------------------------------------------------------------------------------------------------

    @classmethod
    def connect(cls, family: int, address: Any, source: str, timeout_s: float) -> Stream:
        """A TCP connection. Raises ConnectError; nothing stays open then, whatever interrupts it."""
        connecting = raw_socket(family, SOCK_STREAM)
        try:
            connecting.setblocking(False)
            connecting.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            if source:
                if family != AF_INET6:
                    connecting.setsockopt(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                connecting.bind((source, 0))
            if connecting.connect_ex(address):
                wait_for(connecting.fileno(), WRITE, timeout_s)
                error = connecting.getsockopt(SOL_SOCKET, SO_ERROR)
                if error:
                    raise OSError(error, "")
        except TimeoutError as error:
            connecting.close()
            raise ConnectError("no connection in time") from error
        except OSError as error:
            connecting.close()
            raise ConnectError(_name(error)) from error
        except BaseException:
            connecting.close()
            raise
        return cls(connecting)

    def start_tls(self, context: ssl.SSLContext, host: str, remaining_s: Callable[[], float]) -> None:
        """The TLS handshake. Raises ConnectError."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.is_tls = True
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        try:
            while True:
                try:
                    self._tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self._flush_tls()
                    wait_for(self.fd, READ, remaining_s())
                    self._feed_tls()
            self._flush_tls()
        except ssl.SSLCertVerificationError as error:
            raise ConnectError(f"certificate not trusted: {error.verify_message}") from error
        except (TimeoutError, OSError) as error:
            raise ConnectError(f"TLS failed: {_name(error)}") from error

    # -- reading -----------------------------------------------------------------------------------------------------

    def read_into(self, view: memoryview) -> int:
        """Read what is there: its size, 0 at the end of the stream, -1 when nothing is there now. Raises OSError.

        With TLS, call it until it says -1: decrypted bytes would otherwise wait for ever.
        """
        if self._tls is None:
            try:
                return int(self._socket.recv_into(view))
            except BlockingIOError:
                return -1
        while True:
            try:
                return self._tls.read(len(view), view)  # type: ignore[return-value]
            except ssl.SSLWantReadError:
                if not self._feed_tls():
                    return -1
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return 0

    def _feed_tls(self) -> bool:
        """Move bytes from the socket to the TLS layer; False when there are none now."""
        assert self._incoming is not None
        try:
            data = self._socket.recv(TLS_CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return True

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Write, or keep what the kernel does not take and write it when it does. Never blocks. Raises OSError."""
        if self._tls is not None:
            self._tls.write(data)
            self._flush_tls()
        else:
            self._write_raw(data)

    def _flush_tls(self) -> None:
        assert self._outgoing is not None
        data = self._outgoing.read()
        if data:
            self._write_raw(data)

    def _write_raw(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._unsent = data[sent:]
            self._write_watcher = gevent.get_hub().loop.io(self.fd, WRITE)
            self._write_watcher.start(self._write_more)

    def _write_more(self) -> None:
        """Hub callback: the kernel takes bytes again."""
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._unsent = b""
            if self.on_broken is not None:
                self.on_broken()
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._stop_writing()

    def _stop_writing(self) -> None:
        if self._write_watcher is not None:
            self._write_watcher.stop()
            self._write_watcher.close()
            self._write_watcher = None
        if self._sent is not None:
            self._sent.set()
            self._sent = None

    @property
    def unsent_bytes(self) -> int:
        """How many written bytes the kernel has not taken yet."""
        return len(self._unsent)

    def wait_until_sent(self, timeout_s: float) -> bool:
        """Wait in this greenlet until the kernel has taken everything or the stream is closed; False when too late."""
        if not self._unsent:
            return True
        self._sent = self._sent or Event()
        return bool(self._sent.wait(timeout_s))

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish_writing(self) -> None:
        """Tell the peer that nothing more comes (TLS close_notify, then FIN), without waiting."""
        try:
            if self._tls is not None:
                with suppress(ssl.SSLError):  # the peer's close_notify is not there yet, but ours is in the buffer
                    self._tls.unwrap()
                self._flush_tls()
            if not self._unsent:
                self._socket.shutdown(SHUT_WR)
        except OSError:
            return  # the peer is gone already

    def close(self) -> None:
        """Close the socket. Harmless twice."""
        self._stop_writing()
        self.on_broken = None
        self._socket.close()


def _name(error: BaseException) -> str:
    """A class of failure without addresses: `ConnectionRefusedError`, or the errno's meaning."""
    if type(error) is OSError and error.errno:
        return type(OSError(error.errno, "")).__name__
    return type(error).__name__
