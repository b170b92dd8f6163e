"""How a worker reaches what is outside of it: time, the backend, the machine. Tests have one in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hubbub.client.context import HttpTurn
from hubbub.client.requests_client import client_of, ssl_context_of
from hubbub.client.scheduler import GeventScheduler
from hubbub.clock import US_PER_SECOND, Scheduler, clock_domain
from hubbub.contracts import HttpRequest
from hubbub.health import BackendWait, Machine, run_queue_waits
from hubbub.options import Settings
from hubbub.run.open_files import check_open_files
from hubbub.run.ports import check_ports
from hubbub.transport.base import Dialling, Transport
from hubbub.transport.http import POOL_SIZE, HttpPool
from hubbub.transport.names import Names
from hubbub.transport.socket import SocketTransport
from hubbub.transport.sources import check_sources, parse_sources

MOST_POLLS = 20_000
"""At the same time: how many connections a process may have open says more."""


class Http(Protocol):
    """HTTP for the clients of one worker."""

    @property
    def request(self) -> HttpTurn:
        """One call. Raises ConnectError when no answer came."""

    @property
    def each(self) -> Sequence[HttpTurn]:
        """The same, to each of several hosts; the first is that of `request`."""

    @property
    def polls(self) -> Sequence[HttpTurn]:
        """Calls to each host that may take as long as a poll, many at the same time; none without polls."""

    def close(self) -> None:
        """Close what is kept open."""


class World(Protocol):
    """Everything that a run's owner or worker cannot do by itself."""

    @property
    def scheduler(self) -> Scheduler:
        """Time, and who waits in it."""

    @property
    def machine(self) -> Machine:
        """What the kernel says of this process."""

    @property
    def clock_domain(self) -> str:
        """What tells apart machines, whose monotonic clocks have nothing to do with each other."""

    def transport(self, settings: Settings, seed: int) -> Transport:
        """A new transport for WebSocket connections."""

    def http(self, settings: Settings, poll_s: float = 0.0) -> Http:
        """A new client for the calls of the clients, and for polls that the backend answers after so many seconds."""

    def requests(self, settings: Settings) -> HttpRequest:
        """A new client for the calls before and after the run."""

    def backend_wait(self, settings: Settings, domain: str) -> BackendWait | None:
        """The waits of the backend's processes, where they are known and run on this machine."""

    def check_addresses(self, settings: Settings) -> None:
        """Raise ConfigError where an address to connect from is not this machine's."""

    def check_room_for(self, clients: int, settings: Settings) -> None:
        """Raise RunError where so many clients cannot be on one worker."""


class HttpPools:
    """A pool of connections for each host."""

    def __init__(self, pools: Sequence[HttpPool], polls: Sequence[HttpPool]) -> None:
        self._pools, self._polls = pools, polls

    @property
    def request(self) -> HttpTurn:
        return self._pools[0].request

    @property
    def each(self) -> Sequence[HttpTurn]:
        return [pool.request for pool in self._pools]

    @property
    def polls(self) -> Sequence[HttpTurn]:
        return [pool.request for pool in self._polls]

    def close(self) -> None:
        for pool in (*self._pools, *self._polls):
            pool.close()


class RealWorld:
    """See `World`."""

    def __init__(self) -> None:
        self.scheduler = GeventScheduler()
        self.machine = Machine()
        self.clock_domain = clock_domain()

    def transport(self, settings: Settings, seed: int) -> Transport:
        dialling = Dialling(
            timeout_us=settings.connect_timeout_us,
            headers=settings.upgrade_headers,
            max_message_bytes=settings.max_message_bytes,
            ssl_context=ssl_context_of(settings),
            sources=parse_sources(settings.source_addresses),
            offers_deflate=settings.deflate,
            wants_stamps=settings.receive_stamps,
            resolve=settings.resolve,
            dns_ttl_us=settings.dns_ttl_us,
        )
        return SocketTransport(dialling, seed)

    def http(self, settings: Settings, poll_s: float = 0.0) -> Http:
        polls = self._pools(settings, round(poll_s * US_PER_SECOND), MOST_POLLS) if poll_s else []
        return HttpPools(self._pools(settings, size=max(POOL_SIZE, settings.clients)), polls)

    def _pools(self, settings: Settings, more_us: int = 0, size: int = 0) -> list[HttpPool]:
        sources = parse_sources(settings.source_addresses)
        headers, context = settings.http_headers, ssl_context_of(settings)
        names = Names(settings.resolve, settings.dns_ttl_us)
        timeout_us = settings.connect_timeout_us + more_us
        return [
            HttpPool(
                origin, timeout_us, headers, context if origin.startswith("https:") else None, sources, names, size
            )
            for origin in settings.origins
        ]

    def requests(self, settings: Settings) -> HttpRequest:
        return client_of(settings)

    def backend_wait(self, settings: Settings, domain: str) -> BackendWait | None:
        pids = settings.backend_pids
        if not pids or self.clock_domain != domain:
            return None
        return BackendWait(self.scheduler.now_us, lambda: run_queue_waits(pids))

    def check_room_for(self, clients: int, settings: Settings) -> None:
        check_open_files(clients)
        check_ports(clients, len(parse_sources(settings.source_addresses)))

    def check_addresses(self, settings: Settings) -> None:
        check_sources(parse_sources(settings.source_addresses))
