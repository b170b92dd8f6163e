"""Bytes over TCP or TLS, without blocking the hub: connect, read into a shared buffer, write what the kernel takes.

TLS runs through memory buffers (`ssl.SSLObject`), so that reading is the same with and without it.
"""

from __future__ import annotations

import fcntl
import ssl
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from errno import EINPROGRESS
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event
from gevent.hub import Waiter

from hubbub.errors import ConnectError, TlsError, name_of
from hubbub.transport.tls import tls_problem

raw_socket = monkey.get_original("socket", "socket")
"""The plain socket: gevent's own would hold two watchers each, and wait where we only want to look."""

from socket import (  # noqa: E402 - after the original class was fetched
    AF_INET6,
    IPPROTO_IP,
    IPPROTO_TCP,
    SHUT_WR,
    SO_ERROR,
    SO_RCVBUF,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
)

TCP_INFO, TCPI_RCV_WND = 11, 232
"""tcp(7), and where `tcpi_rcv_wnd` lies in `struct tcp_info` of linux/tcp.h."""

Ancillary = list[tuple[int, int, bytes]]
ANCILLARY_BYTES = 64
"""Room for one control message with a timespec: CMSG_SPACE(16) is 32."""

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
        "_buffer_bytes",
        "_incoming",
        "_outgoing",
        "_sent",
        "_socket",
        "_tls",
        "_unsent",
        "_write_watcher",
        "ancillary",
        "fd",
        "is_tls",
        "on_broken",
        "recvmsg_into",
    )

    def __init__(self, connected: Any) -> None:
        self._socket = connected
        self.fd: int = connected.fileno()
        self.recvmsg_into: Callable[[list[bytearray], int], tuple[int, Ancillary, int, Any]] = connected.recvmsg_into
        """The socket's own method: bytes as they come, without TLS. Raises BlockingIOError where there are none."""
        self._buffer_bytes = self._receive_buffer_bytes()
        self.ancillary: Ancillary = []
        """What the kernel said of the last read of the socket: its receive stamp, if there is one."""
        self._tls: ssl.SSLObject | None = None
        self.is_tls = False
        self._incoming: ssl.MemoryBIO | None = None
        self._outgoing: ssl.MemoryBIO | None = None
        self._unsent = b""
        self._sent: Event | None = None
        self._write_watcher: Any = None
        self.on_broken: Callable[[OSError], None] | None = None

    # -- setting up --------------------------------------------------------------------------------------------------

    @classmethod
    def connect(
        cls, family: int, address: Any, source: str, timeout_s: float, configure: Callable[[Any], None]
    ) -> Stream:
        """A TCP connection; `configure` is given its socket first. Raises ConnectError; nothing stays open then."""
        try:
            connecting = raw_socket(family, SOCK_STREAM)
        except OSError as error:
            raise ConnectError.of(error) from error
        try:
            connecting.setblocking(False)
            configure(connecting)
            connecting.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            if source:
                if family != AF_INET6:
                    connecting.setsockopt(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                connecting.bind((source, 0))
            code = connecting.connect_ex(address)
            if code == EINPROGRESS:
                wait_for(connecting.fileno(), WRITE, timeout_s)
                code = connecting.getsockopt(SOL_SOCKET, SO_ERROR)
            if code:
                raise OSError(code, "")
        except TimeoutError as error:
            connecting.close()
            raise ConnectError("no connection in time") from error
        except OSError as error:
            connecting.close()
            raise ConnectError.of(error) from error
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
        except (TimeoutError, OSError) as error:
            raise TlsError(tls_problem(error) or f"TLS failed: {name_of(error)}") from error

    # -- reading -----------------------------------------------------------------------------------------------------

    def read_into(self, view: memoryview) -> int:
        """Read what is there: its size, 0 at the end of the stream, -1 when nothing is there now. Raises OSError.

        With TLS, call it until it says -1: decrypted bytes would otherwise wait for ever.
        """
        if self._tls is None:
            try:
                size, self.ancillary, _, _ = self._socket.recvmsg_into([view], ANCILLARY_BYTES)
            except BlockingIOError:
                return -1
            return int(size)
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
            data, self.ancillary, _, _ = self._socket.recvmsg(TLS_CHUNK, ANCILLARY_BYTES)
        except BlockingIOError:
            return False
        if len(data) == TLS_CHUNK:
            self.ancillary = []  # the stamp may be that of a later packet, because the kernel joins them
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return True

    @property
    def has_undecrypted(self) -> bool:
        """Whether the last read of the socket brought more than was returned since: the stamp is that of the rest."""
        return self._tls is not None and bool(self._tls.pending() or (self._incoming and self._incoming.pending))

    def unread_bytes(self) -> int:
        """How many bytes have arrived that nothing has read."""
        return int(struct.unpack("i", fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4)))[0])

    def is_window_closed(self) -> bool:
        """Whether the peer may be unable to send: the receive window is 0, or more than half of the buffer is unread.

        The kernel announces a window of 0 only after the last packet that fitted, so the second is asked, too. It alone
        tells on kernels before Linux 6.2, whose TCP_INFO has no receive window.
        """
        try:
            information = self._socket.getsockopt(IPPROTO_TCP, TCP_INFO, TCPI_RCV_WND + 4)
            if len(information) >= TCPI_RCV_WND + 4 and not struct.unpack_from("I", information, TCPI_RCV_WND)[0]:
                return True
        except OSError:
            return False  # the connection is gone, which the next read finds
        self._buffer_bytes = self._receive_buffer_bytes()
        return self.unread_bytes() > self._buffer_bytes // 2

    def had_no_room(self, read_bytes: int) -> bool:
        """Whether so many bytes, waiting unread before they were read, left the peer next to no room to send.

        The kernel lets the buffer grow while it is read, so what counts is its size at the last call.
        """
        before_bytes, self._buffer_bytes = self._buffer_bytes, self._receive_buffer_bytes()
        return read_bytes > before_bytes * 3 // 4

    def _receive_buffer_bytes(self) -> int:
        """The socket's SO_RCVBUF as it is now."""
        return int(self._socket.getsockopt(SOL_SOCKET, SO_RCVBUF))

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
        except OSError as error:
            self._unsent = b""
            if self.on_broken is not None:
                self.on_broken(error)
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
        """Close the socket. Idempotent."""
        self._stop_writing()
        self.on_broken = None
        self._socket.close()
