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
CHUNK_BYTES = 64 << 10
"""Nobody asks for a compressed answer, so none is inflated here."""

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
        self._client = HTTPClient.from_url(
            url,
            concurrency=POOL_SIZE,
            connection_timeout=timeout_us / 1e6,
            network_timeout=timeout_us / 1e6,
            # the client would set `check_hostname` by `insecure`, and add authorities that were not asked for
            ssl_context_factory=(lambda cafile: ssl_context) if ssl_context else None,
            insecure=ssl_context is not None and not ssl_context.check_hostname,
        )

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """One call; returns status and body. Raises ConnectError when no whole answer came in time."""
        try:
            with gevent.Timeout(self._timeout_s, ConnectError("no whole answer in time")):
                response = self._client.request(method, self._prefix + path, body, {**self._headers, **headers})
                return response.status_code, self._read(response)
        except ConnectError:
            raise
        except OSError as error:
            raise ConnectError.of(error) from error
        except Exception as error:  # a parser of foreign bytes raises what it likes
            raise ConnectError(type(error).__name__) from error

    def _read(self, response: Any) -> bytes:
        """The body. Between its parts others have their turn: a fast peer would keep the loop for itself."""
        body = bytearray()
        while chunk := response.read(CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise ConnectError(f"an answer longer than {MAX_ANSWER_BYTES >> 20} MiB")
            gevent.sleep(0)
        return bytes(body)

    def close(self) -> None:
        """Close all connections of the pool."""
        self._client.close()
