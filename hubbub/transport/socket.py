"""Making WebSocket connections on gevent: TCP, TLS, upgrade. What happens on them then is in `connection.py`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from hubbub.clock import Clock, monotonic_us
from hubbub.errors import ConnectError, TlsError
from hubbub.transport import deflate
from hubbub.transport.base import NO_HEADERS, Dialling, FrameHandler, OnClosed
from hubbub.transport.connection import SocketConnection
from hubbub.transport.deflate import Deflate
from hubbub.transport.handshake import build_request, head_length, make_key, offered_protocols, read_answer
from hubbub.transport.names import NOT_FOUND, Names, without_zone
from hubbub.transport.poller import Poller
from hubbub.transport.shared import Shared
from hubbub.transport.stream import READ, Stream, wait_for
from hubbub.transport.tls import tls_problem

SHORTAGES = frozenset({"EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"})
"""What this machine has too little of for a connection to any address."""


class SocketTransport:
    """Makes connections: takes the addresses of a host and local ones in turn, and holds what connections share."""

    def __init__(self, dialling: Dialling, seed: int = 0, clock: Clock = monotonic_us) -> None:
        self.dialling = dialling
        self.clock = clock
        self.shared = Shared(dialling, seed, clock)
        self._poller = Poller(self.shared)
        self._names = Names(dialling.resolve, dialling.dns_ttl_us, clock)
        self.connected = self._names.connected
        self.look_up_again = self._names.look_up_again
        self._dialled = 0

    def statistics(self) -> dict[str, int]:
        """What all connections have done so far, by name."""
        return asdict(self.shared.counted)

    def look(self) -> None:
        """Read what has arrived; call it as a heartbeat, so that the last look is never long ago without a reason."""
        self._poller.look()

    def stamps_are_steady(self) -> bool:
        """Whether the receive stamps since the last call can be believed; call it once a second."""
        return self.shared.stamps.are_steady()

    @property
    def clock_bound_us(self) -> int | None:
        """How far off the receive stamps may be; None without stamps."""
        return self.shared.stamps.bound_us if self.shared.stamps.is_on else None

    def close(self) -> None:
        """Give back what connections share. Close them before. Idempotent."""
        self.shared.stamps.close()

    def connect(
        self, url: str, handler: FrameHandler, on_closed: OnClosed, headers: Mapping[str, str] = NO_HEADERS
    ) -> SocketConnection:
        """Connect to `url`: TCP, TLS for wss, upgrade. Raises ConnectError; nothing stays open then.

        `headers` are this connection's own; where those of all connections have one of the same name, that counts.
        """
        parts = urlsplit(url)
        is_tls = parts.scheme == "wss"
        host, port = parts.hostname or "", parts.port or (443 if is_tls else 80)
        deadline_us = self.clock() + self.dialling.timeout_us

        def remaining_s() -> float:
            return (deadline_us - self.clock()) / 1e6

        stream = self._dial(host, port, remaining_s)
        try:
            if is_tls:
                assert self.dialling.ssl_context is not None, "wss needs a TLS context"
                stream.start_tls(self.dialling.ssl_context, host.partition("%")[0], remaining_s)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            rest, extension = self._upgrade(
                stream, without_zone(parts.netloc.rpartition("@")[2]), target, headers, remaining_s
            )
        except BaseException:
            stream.close()
            raise
        self.shared.counted.connected += 1
        return SocketConnection(self.shared, self._poller, stream, handler, on_closed, rest, extension)

    def _dial(self, host: str, port: int, remaining_s: Callable[[], float]) -> Stream:
        """A TCP connection to the first address of the name that answers. Raises the ConnectError of the last one."""
        last = ConnectError(NOT_FOUND)
        addresses = self._names.addresses(host, port, remaining_s())
        for tried, (family, address) in enumerate(addresses):
            share_s = remaining_s() / (len(addresses) - tried)
            try:
                stream = Stream.connect(family, address, self._source(), share_s, self.shared.stamps.enable)
            except ConnectError as error:
                self._names.failed((family, address))
                last = error
                if error.errno in SHORTAGES or remaining_s() <= 0:
                    break
            else:
                self._names.answered((family, address))
                return stream
        raise last

    def _source(self) -> str:
        sources = self.dialling.sources
        self._dialled += 1
        return sources[self._dialled % len(sources)] if sources else ""

    def _upgrade(
        self, stream: Stream, host: str, target: str, own_headers: Mapping[str, str], remaining_s: Any
    ) -> tuple[bytes, Deflate | None]:
        """The opening handshake; returns what came behind the answer, and the extension."""
        given = {name.lower() for name in self.dialling.headers}
        headers = {name: value for name, value in own_headers.items() if name.lower() not in given}
        headers |= self.dialling.headers
        key = make_key(os.urandom(16))
        offered = deflate.offer() if self.dialling.offers_deflate else ""
        data = b""
        try:
            stream.write(build_request(host, target, key, headers, offered))
            while not (length := head_length(data)):
                size = stream.read_into(self.shared.view)
                if size == 0:
                    raise ConnectError("closed before the upgrade was answered")
                if size > 0:
                    data += bytes(self.shared.view[:size])
                else:
                    wait_for(stream.fd, READ, remaining_s())
        except TimeoutError as error:
            raise ConnectError("the upgrade was not answered in time") from error
        except OSError as error:
            if problem := tls_problem(error):
                raise TlsError(problem) from error
            raise ConnectError.of(error) from error
        answer = read_answer(data[: length - 4], key, offered, offered_protocols(headers))
        return data[length:], deflate.accepted(answer.extensions)
