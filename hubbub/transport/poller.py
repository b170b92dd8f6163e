"""All connections of a transport, read from one hub callback.

A watcher of gevent's own for each socket would call from C into Python for every read. Instead, one epoll of ours
holds all sockets, and the hub's loop watches that epoll's own file: when it is readable, one call asks which sockets
have bytes and reads them one after another, with everything it needs in local names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gevent
from gevent import monkey

from hubbub.transport.stream import READ

if TYPE_CHECKING:
    from hubbub.transport.connection import Shared, SocketConnection

new_epoll = monkey.get_original("select", "epoll")
"""gevent takes it out of `select`, because waiting in it would block the hub. Asking it without waiting does not."""

EPOLLIN, EPOLLRDHUP, EPOLLET = 0x1, 0x2000, 1 << 31
"""epoll_ctl(2). Edge-triggered, a socket that was read empty is not asked once more whether it is empty. A read that
did not fill the buffer has emptied the socket, unless the peer has closed: then the event says so.
"""
MOST_EVENTS = 256
"""How many sockets one call reads before the hub's greenlets have their turn."""


class Poller:
    """Reads the connections that were added, until they are removed."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._connections: dict[int, SocketConnection] = {}
        self._epoll: Any = None
        self._watcher: Any = None

    def add(self, fd: int, connection: SocketConnection) -> None:
        """Read a connection's socket from now on. Harmless when it was added before."""
        if fd in self._connections:
            return
        if self._epoll is None:
            self._epoll = new_epoll()
            self._watcher = gevent.get_hub().loop.io(self._epoll.fileno(), READ)
            self._watcher.start(self._read_ready)
        self._epoll.register(fd, EPOLLIN | EPOLLRDHUP | EPOLLET)
        self._connections[fd] = connection

    def remove(self, fd: int) -> None:
        """Read a socket no more; call it before the socket is closed. Harmless when it was not added."""
        if self._connections.pop(fd, None) is None:
            return
        self._epoll.unregister(fd)
        if not self._connections:
            self._watcher.stop()
            self._watcher.close()
            self._epoll.close()
            self._epoll = None

    def _read_ready(self) -> None:
        """Hub callback: some sockets have bytes.

        Nearly always these are whole frames that the connection's receiver knows byte for byte. That case is written
        out here, because it runs for every delivery; all others are the connection's own business.
        """
        shared = self._shared
        buffer, clock, counted = shared.buffer, shared.clock, shared.counted
        connection_of = self._connections.get
        full = len(buffer)
        reads = bytes_read = 0
        for fd, events in self._epoll.poll(0, MOST_EVENTS):
            connection = connection_of(fd)
            if connection is None:
                continue  # removed by one that was read before it
            take_known = connection.take_known
            if take_known is None or events != EPOLLIN:
                connection.read()
                continue
            try:
                size = connection.recv_into(buffer)
                if size:
                    reads += 1
                    bytes_read += size
                    now_us = clock()
                    known = take_known(buffer, 0, size, now_us)
                    if known != size:
                        connection.take(size, known, now_us)
                    if size == full:
                        connection.read()
                else:
                    connection.ended_by_peer()
            except BlockingIOError:
                continue
            except Exception as error:
                connection.caught(error)
        counted.reads += reads
        counted.bytes_read += bytes_read
