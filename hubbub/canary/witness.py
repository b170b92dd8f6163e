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
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import websocket

from hubbub.canary.polls import Polls
from hubbub.canary.task import Task
from hubbub.client.guard import GuardedDialogue
from hubbub.client.requests_client import requests_client
from hubbub.clock import US_PER_SECOND, monotonic_us
from hubbub.contracts import (
    Contract,
    Credentials,
    Delivery,
    EventKind,
    Frame,
    HttpRequest,
    Opening,
    Phase,
    Upgrade,
    load_contract,
    perform,
)
from hubbub.errors import ContractError
from hubbub.ledger import decode_tag
from hubbub.metrics.histogram import Histogram
from hubbub.option_kinds import Resolve
from hubbub.transport.names import Address, look_up, without_zone
from hubbub.transport.tls import make_ssl_context

POLL_S = 0.2
"""How often it looks whether it is to stop; a wait ends early when a frame comes, so no time is measured by it."""

NUMBER = 999_999
"""Of its connection: none of the load's has it."""


class Witness:
    """Listens until it is told to stop."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._contract: Contract = load_contract(task.contract, task.delivery_type, task.contract_settings)
        self._resolve = Resolve(**task.resolve)
        self._ssl_context: ssl.SSLContext | None = None
        if task.host.startswith("https:") or task.websocket_origin.startswith("wss:"):
            adds_ca = task.ca_mode == "add"
            self._ssl_context = make_ssl_context(task.ca, task.insecure, task.cert, task.key, adds_ca)
        self._connection: Any = None
        self.response, self.delivery = Histogram(), Histogram()
        self.received = 0
        self.is_stopped = threading.Event()

    def listen(self) -> None:
        """Connect, join, and take every message until stopped. Raises HubbubError and websocket's errors."""
        dialogue = self._dialogue()
        if self._contract.poll_s:
            connection = self._connection = Polls(
                dialogue, self._request(self._contract.poll_s), self._task.timeout_s + self._contract.poll_s
            )
        else:
            connection = self._connection = self._connect(dialogue.upgrade())
        self._send(dialogue.start())
        if self._contract.is_greeted:
            self._await(dialogue, EventKind.CONNECTED)
        frames = dialogue.enter(self._task.conversation_id)
        self._send(frames)
        if frames and self._contract.confirms_joins:
            self._await(dialogue, EventKind.JOINED)
        print(json.dumps({"ready": True}), flush=True)
        connection.settimeout(POLL_S)
        beats_us = monotonic_us()
        while not self.is_stopped.is_set():
            if self._contract.heartbeat_s and monotonic_us() - beats_us >= self._contract.heartbeat_s * US_PER_SECOND:
                beats_us = monotonic_us()
                self._send(dialogue.heartbeat())
            with suppress(websocket.WebSocketTimeoutException):
                self._take(dialogue, connection.recv())
        connection.close()

    def _connect(self, upgrade: Upgrade) -> websocket.WebSocket:
        task = self._task
        parts = urlsplit(task.websocket_origin)
        options: dict[str, Any] = {}
        if parts.scheme == "wss":
            options = {"context": self._ssl_context, "server_hostname": parts.hostname}
        given = {name.lower() for name in task.upgrade_headers}
        own = {name: value for name, value in upgrade.headers.items() if name.lower() not in given}
        headers = own | task.upgrade_headers
        protocols = _header(headers, "sec-websocket-protocol")
        return websocket.create_connection(
            self._origin() + upgrade.path,
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
            return self._task.websocket_origin.replace("%25", "%")  # as the resolver takes a zone
        (address, *_), *_ = [where for _, where in self._addresses(parts.hostname or "", port_of(parts))]
        shown = f"[{address}]" if ":" in address else address
        return urlunsplit(parts._replace(netloc=f"{shown}:{port_of(parts)}"))

    def _addresses(self, host: str, port: int) -> list[Address]:
        return look_up(host, port, self._resolve, socket.getaddrinfo)

    def _dialogue(self) -> GuardedDialogue:
        """Log in and get a permit, where the backend has that; then what the connection says."""
        task, contract = self._task, self._contract
        request = self._request()
        credentials = Credentials(task.email, task.password, task.username, task.columns)
        has_login = Phase.LOGIN in contract.phases or Phase.TICKET in contract.phases
        login = contract.login(credentials) if has_login else None
        identity = perform(login, request) if login is not None else None
        ticket = contract.ticket(identity) if identity is not None and Phase.TICKET in contract.phases else None
        permit = perform(ticket, request) if ticket is not None else ""
        return GuardedDialogue(contract, Opening(credentials, identity, permit, NUMBER, task.conversation_id))

    def _request(self, more_s: float = 0.0) -> HttpRequest:
        task = self._task
        return requests_client(
            *(task.host, task.headers, self._ssl_context, task.timeout_s + more_s), addresses=self._addresses
        )

    def _send(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            if isinstance(frame, str):
                self._connection.send(frame)
            else:
                self._connection.send_binary(frame)

    def _await(self, dialogue: GuardedDialogue, kind: EventKind) -> None:
        """Read until a certain event; the connection's timeout bounds each wait."""
        deadline_us = monotonic_us() + round(self._task.timeout_s * 1e6)
        while monotonic_us() < deadline_us:
            if kind in self._take(dialogue, self._connection.recv()):
                return
        raise ContractError(f"no {kind.name.lower()} frame came in time")

    def _take(self, dialogue: GuardedDialogue, data: str | bytes) -> set[EventKind]:
        """Take a frame, and answer what wants an answer; returns what it was beside deliveries."""
        now_us = monotonic_us()
        payload, separator = _bytes(data), self._contract.separator
        units = [unit for unit in payload.split(separator) if unit] if separator else [payload]
        kinds = set()
        for event in (event for unit in units for event in dialogue.receive(unit)):
            if isinstance(event, Delivery):
                self._time(event.content, now_us)
                continue
            kinds.add(event.kind)
            self._send(event.frames)
        if isinstance(self._connection, Polls):
            self._connection.taken()
        return kinds

    def _time(self, content: str, now_us: int) -> None:
        tag = decode_tag(content)
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
    except Exception as error:  # whatever a backend or a contract does, it is said in a line
        print(json.dumps({"problem": f"{type(error).__name__}: {error}"}), flush=True)
        return 1
    print(json.dumps(witness.figures()), flush=True)
    return 0
