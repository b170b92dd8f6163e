"""The addresses of a backend's name: all of them, in turn over the connections, and the next one where one fails."""

from __future__ import annotations

import socket
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket as gevent_socket
from gevent.lock import Semaphore

from hubbub.clock import US_PER_SECOND, Clock, monotonic_us
from hubbub.errors import ConnectError
from hubbub.option_kinds import Resolve

Address = tuple[int, Any]
"""A socket's family, and what it connects to."""

LOOK_AGAIN_US = US_PER_SECOND
"""Connections that come back look a name up anew, but a thousand of them at once do it once."""

DEFAULT_TTL_US = 300 * US_PER_SECOND
NOT_FOUND = "host name not found"


def look_up(
    host: str,
    port: int,
    resolve: Resolve | None = None,
    resolver: Callable[..., list[Any]] = gevent_socket.getaddrinfo,
) -> list[Address]:
    """All addresses of a name, in the resolver's order (RFC 6724), or those that `resolve` says. Raises ConnectError.

    An IPv6 address may have a zone, such as fe80::1%eth0 or, as URLs have it, fe80::1%25eth0 (RFC 6874).
    """
    told = resolve.addresses(host, port) if resolve is not None else ()
    found: list[Address] = []
    try:
        for each in told or (host,):
            infos = resolver(each.replace("%25", "%"), port, type=socket.SOCK_STREAM)
            found += [(family, address) for family, _, _, _, address in infos]
    except (OSError, UnicodeError) as error:
        raise NotFound(NOT_FOUND, is_ours=True) from error  # the resolver's word, not the backend's
    unique = list(dict.fromkeys(found))
    return unique[:1] if resolve is not None and resolve.is_first else unique


def without_zone(netloc: str) -> str:
    """What a Host header says: the zone of an address means something on our machine alone (RFC 6874, 4)."""
    address, percent, rest = netloc.partition("%")
    return f"{address}]{rest.partition(']')[2]}" if percent and netloc.startswith("[") else netloc


class NotFound(ConnectError):
    """The resolver says that it does not know a name."""


class Names:
    """Looks each name up once in `ttl_us`: gevent's resolver is a pool of ten threads.

    An address that failed is tried after the others until it answers again. Where all of them fail, the name is looked
    up anew for the next connection. `connected` counts the connections that were made to each address.
    """

    def __init__(
        self,
        resolve: Resolve | None = None,
        ttl_us: int = DEFAULT_TTL_US,
        clock: Clock = monotonic_us,
        look_up: Callable[[str, int, Resolve | None], list[Address]] = look_up,
    ) -> None:
        self.connected: Counter[str] = Counter()
        self._resolve, self._ttl_us, self._clock, self._look_up = resolve, ttl_us, clock, look_up
        self._known: dict[tuple[str, int], list[Address]] = {}
        self._asked_us: dict[tuple[str, int], int] = {}
        self._asking: defaultdict[tuple[str, int], Semaphore] = defaultdict(lambda: Semaphore(1))
        self._not_before_us = 0
        self._failed: set[Address] = set()
        self._turn = 0

    def addresses(self, host: str, port: int, timeout_s: float | None = None) -> list[Address]:
        """Where to connect to, one after the other.

        Raises ConnectError where the name is not known, or the resolver does not answer in time.
        """
        known = self._known.get((host, port))
        if known is None or self._is_stale((host, port)):
            late = ConnectError("host name not looked up in time", is_ours=True)
            with gevent.Timeout(timeout_s, late), self._asking[host, port]:
                known = self._fresh(host, port)
        good = [address for address in known if address not in self._failed]
        bad = [address for address in known if address in self._failed]
        self._turn += 1
        start = self._turn % len(good) if good else 0
        return good[start:] + good[:start] + bad

    def _fresh(self, host: str, port: int) -> list[Address]:
        name = host, port
        known = self._known.get(name)
        if known is None or self._is_stale(name):
            now_us = self._clock()
            try:
                known = self._look_up(host, port, self._resolve)
            except NotFound:
                if known is None:
                    raise
            self._known[name], self._asked_us[name] = known, now_us
        return known

    def _is_stale(self, name: tuple[str, int]) -> bool:
        return self._asked_us[name] < max(self._clock() - self._ttl_us, self._not_before_us)

    def look_up_again(self) -> None:
        """The next connection looks its name up anew: the backend may have moved."""
        now_us = self._clock()
        if now_us - self._not_before_us >= LOOK_AGAIN_US:
            self._not_before_us = now_us

    def answered(self, address: Address) -> None:
        """A connection to an address was made."""
        self._failed.discard(address)
        host, port = address[1][:2]
        self.connected[f"[{host}]:{port}" if ":" in host else f"{host}:{port}"] += 1

    def failed(self, address: Address) -> None:
        """No connection to an address could be made."""
        self._failed.add(address)
        for name, known in list(self._known.items()):
            if self._failed.issuperset(known):
                del self._known[name]
