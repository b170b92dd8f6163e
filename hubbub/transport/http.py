"""HTTP on the hot path: the client under Locust's fasthttp, one pool of connections per worker.

No cookies, no redirects, no proxy from the environment: each call is one request and one answer.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import gevent
from geventhttpclient.client import HTTPClient
from geventhttpclient.url import URL

from hubbub.errors import ConnectError

MAX_ANSWER_BYTES = 8 << 20
"""Of a whole answer, head included. No compressed answer is asked for, so none is inflated here."""

TURN_BYTES = 64 << 10
"""After so much of an answer the other greenlets have their turn: a fast peer would keep the loop for itself."""

POOL_SIZE = 50
"""Connections that one worker holds for HTTP. A pool per user would double the open files."""


class HttpPool:
    """Calls to one origin, over kept-alive connections shared by all users of a worker."""

    def __init__(
        self, origin: str, timeout_us: int, headers: Mapping[str, str], ssl_context: ssl.SSLContext | None
    ) -> None:
        url = URL(origin)
        self._prefix = url.path.rstrip("/")
        self._headers = dict(headers)
        self._timeout_s = timeout_us / 1e6
        self._client: Any = HTTPClient.from_url(
            url,
            concurrency=POOL_SIZE,
            connection_timeout=timeout_us / 1e6,
            network_timeout=timeout_us / 1e6,
            # the client would set `check_hostname` by `insecure`, and add authorities that were not asked for
            ssl_context_factory=(lambda cafile: ssl_context) if ssl_context else None,
            insecure=ssl_context is not None and not ssl_context.check_hostname,
        )
        pool = self._client._connection_pool  # the library has no public place for a socket of one's own
        create_socket = pool._create_socket
        pool._create_socket = lambda: BoundedSocket(create_socket())

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """One call; returns status and body. Raises ConnectError when no whole answer came in time."""
        try:
            with gevent.Timeout(self._timeout_s, ConnectError("no whole answer in time")):
                response = self._client.request(method, self._prefix + path, body, {**self._headers, **headers})
                return response.status_code, bytes(response.read())
        except ConnectError:
            raise
        except OSError as error:
            raise ConnectError.of(error) from error
        except Exception as error:  # a parser of foreign bytes raises what it likes
            raise ConnectError(type(error).__name__) from error

    def close(self) -> None:
        """Close all connections of the pool."""
        self._client.close()


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
