"""HTTP on the hot path: the client under Locust's fasthttp, one pool of connections per worker.

No cookies, no redirects, no proxy from the environment: each call is one request and one answer.
"""

from __future__ import annotations

import itertools
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent.lock import Semaphore
from geventhttpclient.client import HTTPClient
from geventhttpclient.url import URL

from hubbub.errors import HTTP_TOO_MANY, Busy, ConnectError, Throttled, TlsError
from hubbub.transport.names import Names, without_zone
from hubbub.transport.stream import IP_BIND_ADDRESS_NO_PORT
from hubbub.transport.tls import tls_problem

MAX_ANSWER_BYTES = 8 << 20
"""Of a whole answer, head included. No compressed answer is asked for, so none is inflated here."""

TURN_BYTES = 64 << 10
"""After so much of an answer the other greenlets have their turn: a fast peer would keep the loop for itself."""

POOL_SIZE = 50
"""Connections that one worker may hold for HTTP, or as many as it has clients: a call without a turn is then the
backend's slowness and not ours. Only as many are made as are in use at once."""


class HttpPool:
    """Calls to one origin, over kept-alive connections shared by all users of a worker, `size` at most (POOL_SIZE)."""

    def __init__(
        self,
        origin: str,
        timeout_us: int,
        headers: Mapping[str, str],
        ssl_context: ssl.SSLContext | None,
        sources: Sequence[str] = (),
        names: Names | None = None,
        size: int = 0,
    ) -> None:
        url = URL(origin)
        self._prefix = url.path.rstrip("/")
        names = names or Names()
        host = urlsplit(origin).netloc
        zone = {"Host": without_zone(host)} if "%" in host else {}
        self._headers = zone | dict(headers)
        self._timeout_s = timeout_us / 1e6
        size = size or POOL_SIZE
        self._size = size
        self._turns = Semaphore(size)
        self._client: Any = HTTPClient.from_url(
            url,
            concurrency=size,
            connection_timeout=timeout_us / 1e6,
            network_timeout=timeout_us / 1e6,
            # the client would set `check_hostname` by `insecure`, and add authorities that were not asked for
            ssl_context_factory=(lambda cafile: ssl_context) if ssl_context else None,
            insecure=ssl_context is not None and not ssl_context.check_hostname,
        )
        pool = self._client._connection_pool  # the library has no public place for a socket of one's own

        def resolve() -> list[tuple[int, int, int, str, Any]]:
            found = names.addresses(url.host, url.port)
            pool.connection_timeout = self._timeout_s / len(found)  # each has its share
            return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for family, address in found]

        pool._resolve = resolve
        create_socket, create_tcp_socket = pool._create_socket, pool._create_tcp_socket
        pool._create_socket = lambda: BoundedSocket(create_socket())
        if sources:
            addresses = itertools.cycle(sources)
            pool._create_tcp_socket = lambda *how: bound(create_tcp_socket(*how), next(addresses))

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        began: Callable[[], object] = lambda: None,
    ) -> tuple[int, bytes]:
        """One call; returns status and body. Raises ConnectError when no whole answer came in time, and Throttled.

        Where all connections of the pool are in use it waits for one; when it has one, it calls `began`.
        """
        if not self._turns.acquire(timeout=self._timeout_s):
            raise Busy(f"no call was made: {self._size} others wait for their answers")
        try:
            began()
            return self._request(method, path, headers, body)
        finally:
            self._turns.release()

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            with gevent.Timeout(self._timeout_s, ConnectError("no whole answer in time")):
                response = self._client.request(method, self._prefix + path, body, {**self._headers, **headers})
                status, answer = response.status_code, bytes(response.read())
            if status == HTTP_TOO_MANY:
                raise throttled(answer, response.get("retry-after") or "")
            return status, answer
        except (ConnectError, Throttled):
            raise
        except OSError as error:
            if problem := tls_problem(error):
                raise TlsError(problem) from error
            raise ConnectError.of(error) from error
        except Exception as error:  # a parser of foreign bytes raises what it likes
            raise ConnectError(type(error).__name__) from error

    def close(self) -> None:
        """Close all connections of the pool."""
        self._client.close()


def bound(made: Any, source: str) -> Any:
    """A socket that will connect from a local address; the port is chosen by then."""
    if made.family == socket.AF_INET:
        made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    made.bind((source, 0))
    return made


MAX_RETRY_AFTER_S = 3_600.0


def throttled(answer: bytes, retry_after: str) -> Throttled:
    """What an answer 429 means; `retry_after` is its header (RFC 9110, 10.2.3: seconds or a date)."""
    seconds: float | None = None
    with suppress(ValueError, TypeError, OverflowError):
        if retry_after.strip().isdecimal():
            seconds = float(retry_after)
        elif retry_after.strip():
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
    if seconds is not None:
        seconds = min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
    return Throttled(answer.decode(errors="replace")[:200], seconds)


class BoundedSocket:
    """A socket whose answers are bounded: status lines, headers and body together, whatever their number.

    A request is written before its answer is read, so writing starts the count anew.
    """

    __slots__ = ("_received", "_socket")

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._received = 0

    def sendall(self, data: bytes) -> None:
        """Write a part of a request."""
        self._received = 0
        self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        """Read a part of an answer. Raises ConnectError where the whole is too long."""
        data: bytes = self._socket.recv(size)
        self._received += len(data)
        if self._received > MAX_ANSWER_BYTES:
            raise ConnectError(f"an answer longer than {MAX_ANSWER_BYTES >> 20} MiB")
        if self._received > TURN_BYTES:
            gevent.sleep(0)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)
