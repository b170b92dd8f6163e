"""The addresses of a backend's name: all of them, in turn over the connections, and the next one where one fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gevent import socket as gevent_socket

from hubbub.errors import ConnectError

Address = tuple[int, Any]
"""A socket's family, and what it connects to."""


def look_up(host: str, port: int) -> list[Address]:
    """All addresses of a name, in the resolver's order (RFC 6724). Raises ConnectError."""
    try:
        found = gevent_socket.getaddrinfo(host, port, type=gevent_socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectError("host name not found") from error
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


class Names:
    """Each name is looked up once: gevent's resolver is a pool of ten threads.

    An address that failed is tried after the others until it answers again. Where all of them fail, the name is looked
    up anew for the next connection.
    """

    def __init__(self, resolve: Callable[[str, int], list[Address]] = look_up) -> None:
        self._resolve = resolve
        self._known: dict[tuple[str, int], list[Address]] = {}
        self._failed: set[Address] = set()
        self._turn = 0

    def addresses(self, host: str, port: int) -> list[Address]:
        """Where to connect to, one after the other. Raises ConnectError where the name is not known."""
        if (host, port) not in self._known:
            self._known[host, port] = self._resolve(host, port)
        known = self._known[host, port]
        good = [address for address in known if address not in self._failed]
        bad = [address for address in known if address in self._failed]
        self._turn += 1
        start = self._turn % len(good) if good else 0
        return good[start:] + good[:start] + bad

    def answered(self, address: Address) -> None:
        """A connection to an address was made."""
        self._failed.discard(address)

    def failed(self, address: Address) -> None:
        """No connection to an address could be made."""
        self._failed.add(address)
        for name, known in list(self._known.items()):
            if self._failed.issuperset(known):
                del self._known[name]
