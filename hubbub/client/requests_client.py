"""HTTP with the requests library, where a second opinion counts more than speed: provisioning, reading back, canary."""

from __future__ import annotations

import itertools
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import gevent
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from hubbub.contracts import HttpRequest
from hubbub.errors import HTTP_TOO_MANY, ConnectError, Throttled, TlsError
from hubbub.options import Settings
from hubbub.transport.http import throttled
from hubbub.transport.names import Address, Names, look_up, without_zone
from hubbub.transport.sources import parse_sources
from hubbub.transport.tls import make_ssl_context, tls_problem

MAX_ANSWER_BYTES = 8 << 20
"""Of a body, after inflating. A page of a hundred messages takes a hundredth of it."""

MAX_CONNECTIONS = 64
"""Kept open for further calls; more may be made at the same time."""

CHUNK_BYTES = 64 << 10
ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
LATE = "no whole answer in time"

MAX_INTERIM_ANSWERS = 10
"""Of `100 Continue` and its kind, which no request of ours asks for. The library reads them without an end; it bounds
the rest of a head itself: 100 headers of 64 KiB.
"""

Within = Callable[[float], AbstractContextManager[Any]]
"""Ends what is done in it after so many seconds, by a ConnectError."""

Addresses = Callable[[str, int], Sequence[Address]]
"""Where a host is, by its name and port. Raises ConnectError."""


class BoundedAnswer(HTTPResponse):
    """An answer with a bounded number of interim ones before it."""

    _status_lines = 0

    def _read_status(self) -> tuple[str, int, str]:
        self._status_lines += 1
        if self._status_lines > 1 + MAX_INTERIM_ANSWERS:
            raise ConnectError(f"more than {MAX_INTERIM_ANSWERS} interim answers")
        return super()._read_status()  # type: ignore[misc,no-any-return]  # the library's own, and the place to count


class BoundedAdapter(HTTPAdapter):
    """Connections whose answers are bounded, and which come from some local addresses in turn.

    `addresses` says where a host is. `ssl_context` is all that decides on TLS.
    """

    def __init__(
        self, sources: Sequence[str], addresses: Addresses, ssl_context: ssl.SSLContext | None, **options: Any
    ) -> None:
        own = itertools.cycle(sources)
        self._ssl_context = ssl_context

        def new_connection(connection: Any) -> socket.socket:
            source = (next(own), 0) if sources else None
            return dial(addresses(connection.host, connection.port), source, connection.timeout)

        made = {"response_class": BoundedAnswer, "_new_conn": new_connection}
        self._classes = {
            "http": type("BoundedHttp", (HTTPConnection,), made),
            "https": type("BoundedHttps", (HTTPSConnection,), made),
        }
        super().__init__(**options)

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = self._classes[pool.scheme]
        return pool

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=self._ssl_context)

    def cert_verify(self, *_arguments: Any) -> None:
        """Nothing: the library would add authorities of its own."""


def dial(addresses: Sequence[Address], source: tuple[str, int] | None, timeout_s: float) -> socket.socket:
    """A connection to the first address that answers. Raises the OSError of the last one."""
    last = OSError("no address")
    for family, address in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout_s / len(addresses))
            if source is not None:
                connection.bind(source)
            connection.connect(address)
            connection.settimeout(timeout_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            last = error
        else:
            return connection
    raise last


def requests_client(
    host: str,
    headers: Mapping[str, str],
    ssl_context: ssl.SSLContext | None,
    timeout_s: float,
    within: Within = lambda _seconds: nullcontext(),
    give_turn: Callable[[], object] = lambda: None,
    sources: Sequence[str] = (),
    addresses: Addresses = look_up,
) -> HttpRequest:
    """HTTP calls to an origin that owe nothing to the client of the hot path.

    No redirects, and no proxy from the environment: it would be given the accounts' passwords. `ssl_context` is for
    https. `within` bounds a whole call; without it each wait for bytes has its end. `give_turn` is called between the
    parts of a body: a fast peer would keep a process of greenlets for itself. `sources` are local addresses to connect
    from, in turn; `addresses` says where a host is.
    """
    netloc = urlsplit(host).netloc
    zone = {"Host": without_zone(netloc)} if "%" in netloc else {}
    session = requests.Session()
    session.headers.update({"Accept-Encoding": "identity", **zone, **headers})
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # one account's would be sent by all
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(sources, addresses, ssl_context, pool_maxsize=MAX_CONNECTIONS))
    session.verify = ssl_context is None or ssl_context.check_hostname
    if not session.verify:  # who wrote --insecure knows
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            with (
                within(timeout_s),
                session.request(
                    *(method, host + path),
                    headers=dict(headers),
                    data=body,
                    timeout=timeout_s,
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                content = read_body(answer.raw, timeout_s, give_turn)
                if answer.status_code == HTTP_TOO_MANY:
                    raise throttled(content, answer.headers.get("Retry-After", ""))
                return answer.status_code, content
        except (ConnectError, Throttled):
            raise
        except Exception as error:  # the library lets those of three others through
            if problem := tls_problem(error):
                raise TlsError(problem) from error
            if "RemoteDisconnected" in str(error) and host.startswith("http:"):
                raise ConnectError(NO_ANSWER) from error
            raise ConnectError(type(error).__name__) from error

    return request


NO_ANSWER = "it closes the connection without an answer: is it https://?"
"""What a server of TLS does, too, to whom it does not understand."""


def read_body(answer: Any, timeout_s: float, give_turn: Callable[[], object]) -> bytes:
    """The body of a urllib3 answer. Raises ConnectError where it is too long, or does not end in time."""
    ends_s = time.monotonic() + timeout_s
    body = bytearray()
    while chunk := answer.read1(CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ConnectError(f"an answer longer than {MAX_ANSWER_BYTES >> 20} MiB")
        if time.monotonic() > ends_s:
            raise ConnectError(LATE)
        give_turn()
    return inflate(bytes(body), answer.headers.get("Content-Encoding", ""))


def inflate(body: bytes, encoding: str) -> bytes:
    """Inflate a body that the backend compressed unasked. Raises ConnectError where the result is too long."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    inflater = zlib.decompressobj(ZLIB_OR_GZIP)
    inflated = inflater.decompress(body, MAX_ANSWER_BYTES + 1)
    if len(inflated) > MAX_ANSWER_BYTES:
        raise ConnectError(f"an answer longer than {MAX_ANSWER_BYTES >> 20} MiB")
    return inflated


def client_of(settings: Settings) -> HttpRequest:
    """The same, as a run's settings say, in a process of greenlets: a whole call has a deadline."""
    timeout_s = settings.connect_timeout_us / 1e6
    return requests_client(
        *(settings.host, settings.http_headers, ssl_context_of(settings), timeout_s),
        within=lambda seconds: gevent.Timeout(seconds, ConnectError(LATE)),
        give_turn=lambda: gevent.sleep(0),
        sources=parse_sources(settings.source_addresses),
        addresses=Names(settings.resolve, settings.dns_ttl_us).addresses,
    )


def ssl_context_of(settings: Settings) -> ssl.SSLContext | None:
    """What a run's settings say of TLS; None without it."""
    if not any(origin.startswith("https:") for origin in (*settings.origins, *settings.websocket_hosts.split(","))):
        return None
    adds_ca = settings.ca_mode == "add"
    return make_ssl_context(settings.ca, settings.insecure, settings.cert, settings.key, adds_ca)
