"""The canary: one more receiver in a run's conversation, in a process of its own and with other people's clients.

    python -m hubbub.canary     reads its task as one line of JSON, and stops when its standard input ends

Plain websocket-client and requests in one thread, no gevent: what it sees owes nothing to the generator's transport.
It prints {"ready": true} once it has joined, and at its end what it saw. Its times come from the same clock as the
workers' on its machine (CLOCK_MONOTONIC, which all processes share), and from the tags of the same messages.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import websocket

from hubbub.canary.task import Task
from hubbub.client.requests_client import requests_client
from hubbub.clock import monotonic_us
from hubbub.contracts import Contract, EventKind, Identity, Phase, load_contract
from hubbub.errors import ContractError, HubbubError
from hubbub.ledger import decode_tag
from hubbub.metrics.histogram import Histogram
from hubbub.option_kinds import Resolve
from hubbub.transport.names import Address, look_up, without_zone
from hubbub.transport.tls import make_ssl_context

POLL_S = 0.2
"""How often it looks whether it is to stop; a wait ends early when a frame comes, so no time is measured by it."""


class Witness:
    """Listens until it is told to stop."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._contract: Contract = load_contract(task.contract, task.delivery_type)
        self._resolve = Resolve(**task.resolve)
        self._ssl_context: ssl.SSLContext | None = None
        if task.host.startswith("https:"):
            adds_ca = task.ca_mode == "add"
            self._ssl_context = make_ssl_context(task.ca, task.insecure, task.cert, task.key, adds_ca)
        self.response, self.delivery = Histogram(), Histogram()
        self.received = 0
        self.is_stopped = threading.Event()

    def listen(self) -> None:
        """Connect, join, and take every message until stopped. Raises HubbubError and websocket's errors."""
        connection = self._connect()
        self._send(connection, self._contract.hello(self._task.email))
        self._await(connection, EventKind.CONNECTED)
        self._send(connection, self._contract.join(self._task.conversation_id))
        self._await(connection, EventKind.JOINED)
        print(json.dumps({"ready": True}), flush=True)
        connection.settimeout(POLL_S)
        while not self.is_stopped.is_set():
            try:
                self._take(connection.recv())
            except websocket.WebSocketTimeoutException:
                continue
        connection.close()

    def _connect(self) -> websocket.WebSocket:
        task = self._task
        parts = urlsplit(task.websocket_origin)
        options: dict[str, Any] = {}
        if self._ssl_context is not None:
            options = {"context": self._ssl_context, "server_hostname": parts.hostname}
        ticket = self._ticket()
        headers = task.upgrade_headers
        protocols = _header(headers, "sec-websocket-protocol")
        return websocket.create_connection(
            self._origin() + self._contract.websocket_path(ticket),
            timeout=task.timeout_s,
            header=[f"{name}: {value}" for name, value in headers.items() if name.lower() not in APART],
            host=_header(headers, "host") or without_zone(parts.netloc),
            subprotocols=[part.strip() for part in protocols.split(",")] if protocols else None,
            sslopt=options,
        )

    def _origin(self) -> str:
        """The origin with an address in place of a name that is looked up in a certain way."""
        parts = urlsplit(self._task.websocket_origin)
        if self._resolve == Resolve():
            return self._task.websocket_origin
        (address, *_), *_ = [where for _, where in self._addresses(parts.hostname or "", port_of(parts))]
        shown = f"[{address}]" if ":" in address else address
        return urlunsplit(parts._replace(netloc=f"{shown}:{port_of(parts)}"))

    def _addresses(self, host: str, port: int) -> list[Address]:
        return look_up(host, port, self._resolve, socket.getaddrinfo)

    def _ticket(self) -> str:
        task, contract, phases = self._task, self._contract, self._contract.phases
        how = task.host, task.headers, self._ssl_context, task.timeout_s
        request = requests_client(*how, addresses=self._addresses)
        if Phase.LOGIN not in phases:
            return ""
        login = contract.login(task.email, task.password)
        identity: Identity = login.ask(request, contract.identity)
        return contract.ticket(identity).ask(request, contract.ticket_of) if Phase.TICKET in phases else ""

    def _send(self, connection: websocket.WebSocket, frame: str | None) -> None:
        if frame is not None:
            connection.send(frame)

    def _await(self, connection: websocket.WebSocket, kind: EventKind) -> None:
        """Read until a certain event; the connection's timeout bounds each wait."""
        deadline_us = monotonic_us() + round(self._task.timeout_s * 1e6)
        while monotonic_us() < deadline_us:
            event = self._contract.recognise(_bytes(connection.recv()))
            if not event.is_delivery and event.kind is kind:  # type: ignore[union-attr]
                return
        raise ContractError(f"no {kind.name.lower()} frame came in time")

    def _take(self, payload: str | bytes) -> None:
        now_us = monotonic_us()
        event = self._contract.recognise(_bytes(payload))
        tag = decode_tag(event.content) if event.is_delivery else None  # type: ignore[union-attr]
        if tag is not None and tag.run == self._task.run_number:
            self.received += 1
            self.response.record(now_us - tag.intended_us)
            self.delivery.record(now_us - tag.intended_us - tag.lag_us)

    def figures(self) -> dict[str, Any]:
        """What it saw, in milliseconds."""
        return {
            "received": self.received,
            "response_ms": self.response.summary(),
            "delivery_ms": self.delivery.summary(),
        }


APART = ("host", "sec-websocket-protocol")
"""Headers that the library is given by other names."""


def _header(headers: dict[str, str], wanted: str) -> str | None:
    return next((value for name, value in headers.items() if name.lower() == wanted), None)


def port_of(parts: SplitResult) -> int:
    """The port of a WebSocket's origin."""
    return parts.port or (443 if parts.scheme == "wss" else 80)


def _bytes(payload: str | bytes) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload


def main() -> int:
    def wait_for_the_end() -> None:
        sys.stdin.read()
        witness.is_stopped.set()

    try:
        witness = Witness(Task(**json.loads(sys.stdin.readline())))
        threading.Thread(target=wait_for_the_end, daemon=True).start()
        witness.listen()
    except (HubbubError, websocket.WebSocketException, OSError) as error:
        print(json.dumps({"problem": f"{type(error).__name__}: {error}"}), flush=True)
        return 1
    print(json.dumps(witness.figures()), flush=True)
    return 0
