"""All connections of a transport, read from one hub callback.

A watcher of gevent's own for each socket would call from C into Python for every read. Instead, one epoll of ours
holds all sockets, and the hub's loop watches that epoll's own file: when it is readable, one call asks which sockets
have bytes and reads them one after another, with everything it needs in local names.

Every read is given the time at which it was read, and when its bytes can have arrived at the earliest: its last one at
the kernel's stamp, those before it, and all without a stamp, when this epoll was asked the last time and the socket had
nothing. So that this is never long ago only because nothing happened, `look` is called by a heartbeat, too.
"""

from __future__ import annotations

from typing import Any, Protocol

import gevent
from gevent import monkey

from hubbub.transport.base import TakeKnown
from hubbub.transport.fairness import TURN_US, soon
from hubbub.transport.shared import Shared
from hubbub.transport.stamps import unpack_timespec
from hubbub.transport.stream import ANCILLARY_BYTES, READ

new_epoll = monkey.get_original("select", "epoll")
"""gevent takes it out of `select`, because waiting in it would block the hub. Asking it without waiting does not."""

EPOLLIN, EPOLLRDHUP, EPOLLET = 0x1, 0x2000, 1 << 31
"""epoll_ctl(2). Edge-triggered, a socket that was read empty is not asked once more whether it is empty. A read that
did not fill the buffer has emptied the socket, unless the peer has closed: then the event says so.
"""
MAX_EVENTS = 256
"""How many sockets one call reads before the hub's greenlets have their turn."""

NOT_EMPTY = 0
"""The events of a socket that was read, and not to its end: what it has may be older than the last look."""

UNSEEN_US = 20_000
"""How long the kernel may keep a packet before the socket shows it (its softirq waits for a core, too): what this epoll
did not show may have arrived so much earlier.
"""

GAP_US = 50_000
"""After so long without a look, a socket's receive window may have closed: it is asked before it is read."""

LARGE_READ_BYTES = 32 * 1024
"""So much at once may have closed the window also within a short time: half of the smallest default window."""


class Pollable(Protocol):
    """What the poller needs of a connection; `connection.py` has the meaning of each."""

    take_known: TakeKnown | None
    emptied_us: int
    recvmsg_into: Any

    def read(self, not_before_us: int, turn_ends_us: int) -> bool: ...

    def take(self, end: int, position: int, now_us: int, arrived_us: int, earlier_us: int) -> None: ...

    def check_window(self, just_read_bytes: int = 0) -> None: ...

    def caught(self, error: Exception) -> None: ...

    def ended_by_peer(self) -> None: ...


class Poller:
    """Reads the connections that were added, until they are removed."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._connections: dict[int, Pollable] = {}
        self._epoll: Any = None
        self._watcher: Any = None
        self._looked_us = 0
        self._unread: list[tuple[int, int]] = []
        """Sockets that are ready and were not read empty in the last turn: the epoll does not name them again."""
        self._is_called_soon = False

    def add(self, fd: int, connection: Pollable) -> None:
        """Start reading a connection's socket. Idempotent."""
        if fd in self._connections:
            return
        if self._epoll is None:
            self._epoll = new_epoll()
            self._watcher = gevent.get_hub().loop.io(self._epoll.fileno(), READ)
            self._watcher.start(self.look)
            self._looked_us = self._shared.clock()
        self._epoll.register(fd, EPOLLIN | EPOLLRDHUP | EPOLLET)
        self._connections[fd] = connection

    def remove(self, fd: int) -> None:
        """Stop reading a socket; call it before the socket is closed. Idempotent."""
        if self._connections.pop(fd, None) is None:
            return
        self._epoll.unregister(fd)
        if not self._connections:
            self._watcher.stop()
            self._watcher.close()
            self._epoll.close()
            self._epoll = None
            self._unread = []

    def read_later(self, fd: int) -> None:
        """Read a socket in the next turn, after those that wait already: it was not read empty."""
        if fd in self._connections:
            self._unread.append((fd, NOT_EMPTY))
            self._look_soon()

    def _look_soon(self) -> None:
        if not self._is_called_soon:
            self._is_called_soon = True
            soon(self._look_again)

    def _look_again(self) -> None:
        self._is_called_soon = False
        self.look()

    def look(self) -> None:
        """Hub callback, and heartbeat: ask which sockets have bytes, and read them."""
        if self._epoll is None:
            return
        asked_us = self._shared.clock()
        ready = self._epoll.poll(0, MAX_EVENTS)
        if self._unread:
            ready, self._unread = [*self._unread, *ready], []
        not_before_us = self._looked_us
        if len(ready) < MAX_EVENTS:  # else some of the others were ready, too
            self._looked_us = asked_us
        if asked_us - not_before_us > GAP_US:
            for fd, _ in ready:
                if fd in self._connections:
                    self._connections[fd].check_window()
        if ready:
            self._read(ready, not_before_us - UNSEEN_US)

    def _leave_unread(self, ready: list[tuple[int, int]], not_before_us: int) -> None:
        """The turn is over: the rest is the first of the next one. What it has may have arrived before this one."""
        if ready and self._epoll is not None:
            self._unread = [*ready, *self._unread]
            self._looked_us = min(self._looked_us, not_before_us + UNSEEN_US)
            self._look_soon()

    def _read(self, ready: list[tuple[int, int]], not_before_us: int) -> None:  # noqa: PLR0912, PLR0915 - for each delivery
        """Read the sockets that have bytes, which have arrived since `not_before_us`.

        Nearly always these are whole frames that the connection's handler knows byte for byte. That case is written
        out here, because it runs for every delivery; all others are the connection's own business.
        """
        shared = self._shared
        buffer, clock, counted = shared.buffer, shared.clock, shared.counted
        buffers = [buffer]
        offset_us = shared.stamps.offset_us
        connection_of = self._connections.get
        full = len(buffer)
        reads = bytes_read = 0
        turn_ends_us = clock() + TURN_US
        for place, (fd, events) in enumerate(ready):
            connection = connection_of(fd)
            if connection is None:
                continue  # removed by one that was read before it
            take_known = connection.take_known
            try:
                if take_known is None or events != EPOLLIN:
                    if not connection.read(not_before_us if events else 0, turn_ends_us):
                        self.read_later(fd)
                    if clock() > turn_ends_us:
                        self._leave_unread(ready[place + 1 :], not_before_us)
                        break
                    continue
                before_us = clock()
                size, ancillary, _, _ = connection.recvmsg_into(buffers, ANCILLARY_BYTES)
                if not size:
                    connection.ended_by_peer()
                    continue
                reads += 1
                bytes_read += size
                now_us = clock()
                arrived_us = earlier_us = max(connection.emptied_us, not_before_us)
                if ancillary:
                    seconds, nanoseconds = unpack_timespec(ancillary[0][2])
                    stamp_us = seconds * 1_000_000 + nanoseconds // 1_000 - offset_us
                    if 0 < stamp_us <= before_us:
                        arrived_us = stamp_us
                if size < full:
                    connection.emptied_us = before_us
                else:
                    arrived_us = earlier_us  # the stamp may be that of a later packet, because the kernel joins them
                known = take_known(buffer, 0, size, now_us, arrived_us, earlier_us)
                if known != size:
                    connection.take(size, known, now_us, arrived_us, earlier_us)
                if size >= LARGE_READ_BYTES:
                    connection.check_window(size)
                if size == full:
                    self.read_later(fd)
                if now_us > turn_ends_us:
                    self._leave_unread(ready[place + 1 :], not_before_us)
                    break
            except BlockingIOError:
                continue
            except Exception as error:
                connection.caught(error)
        counted.reads += reads
        counted.bytes_read += bytes_read
