"""STOMP 1.2 over WebSocket, as RabbitMQ's web-stomp has it: docs/backends/stomp.md says how it was tried.

    -> CONNECT <- CONNECTED     -> SUBSCRIBE, receipt <- RECEIPT     -> SEND, receipt <- RECEIPT     <- MESSAGE

A sender that is subscribed gets its own messages back. Frames end with NUL; newlines between them are heartbeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubbub import Contract, Delivery, Dialogue, Event, EventKind, Opening, Phase, Upgrade

NAMELESS = -1
ESCAPES = (("\\", "\\\\"), ("\r", "\\r"), ("\n", "\\n"), (":", "\\c"))


class Stomp(Contract):
    """`settings`: `path`; `vhost`; `destination`, how destinations begin; `login` and `passcode`, of each account if
    they are empty."""

    name = "stomp"
    phases = (Phase.CONNECT, Phase.JOIN)
    accounts = "any"
    rooms = "name"
    separator = b"\0"
    delivery_prefix = b"MESSAGE\n"
    heartbeat_s = 10.0

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        defaults = {"path": "/ws", "vhost": "/", "destination": "/topic/perfws", "login": "guest", "passcode": "guest"}
        super().__init__(defaults | dict(settings or {}))

    def conversation_name(self, run_id: str, index: int) -> str:
        return f"{self.settings['destination']}.{run_id}.{index}"

    def dialogue(self, opening: Opening) -> Dialogue:
        return StompDialogue(self, opening)


class StompDialogue(Dialogue):
    """One connection: the receipts that it waits for say themselves what they are of."""

    __slots__ = ()

    def upgrade(self) -> Upgrade:
        return Upgrade(str(self.contract.settings["path"]), {"Sec-WebSocket-Protocol": "v12.stomp"})

    def start(self) -> Sequence[str]:
        settings, credentials = self.contract.settings, self.opening.credentials
        login, passcode = settings["login"] or credentials.email, settings["passcode"] or credentials.password
        heart_beat = f"{round(self.contract.heartbeat_s * 2000)},0"
        # the headers of CONNECT are not escaped (STOMP 1.2, "Value Encoding")
        lines = ["accept-version:1.2", f"host:{settings['vhost']}", f"login:{login}", f"passcode:{passcode}"]
        return ("\n".join(["CONNECT", *lines, f"heart-beat:{heart_beat}"]) + "\n\n\0",)

    def enter(self, conversation_id: str | int) -> Sequence[str]:
        return (_frame("SUBSCRIBE", {"id": "1", "destination": conversation_id, "receipt": f"join {conversation_id}"}),)

    def leave(self, conversation_id: str | int) -> Sequence[str]:
        return (_frame("UNSUBSCRIBE", {"id": "1"}),)

    def post(self, conversation_id: str | int, content: str, number: int) -> Sequence[str]:
        headers = {"destination": conversation_id, "receipt": f"message {number}", "content-type": "text/plain"}
        return (_frame("SEND", headers, content),)

    def heartbeat(self) -> Sequence[str]:
        return ("\n",)

    def receive(self, payload: bytes) -> Sequence[Event | Delivery]:
        text = payload.decode("utf-8", "replace").lstrip("\r\n")
        if not text:
            return ()
        head, _, body = text.partition("\n\n")
        command, *lines = head.replace("\r", "").split("\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name, _unescaped(value))
        if command == "MESSAGE":
            return (Delivery(headers.get("destination", ""), NAMELESS, body),)
        if command == "RECEIPT":
            return _receipt(headers)
        if command == "ERROR":
            return _refused(headers, body)
        return (Event(EventKind.CONNECTED if command == "CONNECTED" else EventKind.OTHER, text=command[:20]),)


def _receipt(headers: Mapping[str, str]) -> Sequence[Event]:
    what, _, of = headers.get("receipt-id", "").partition(" ")
    if what == "join":
        return (Event(EventKind.JOINED, of),)
    return (Event(EventKind.CONFIRMED, number=int(of)),) if what == "message" else ()


def _refused(headers: Mapping[str, str], body: str) -> Sequence[Event]:
    text = headers.get("message") or body[:80].strip()
    what, _, of = headers.get("receipt-id", "").partition(" ")
    if what == "message":
        return (Event(EventKind.REFUSED, number=int(of), text=text),)
    return (Event(EventKind.FAILED, of if what == "join" else 0, text=text),)


def _frame(command: str, headers: Mapping[str, object], body: str = "") -> str:
    lines = [command, *(f"{name}:{_escaped(str(value))}" for name, value in headers.items())]
    if body:
        lines.append(f"content-length:{len(body.encode())}")
    return "\n".join(lines) + f"\n\n{body}\0"


def _escaped(value: str) -> str:
    for plain, escaped in ESCAPES:
        value = value.replace(plain, escaped)
    return value


def _unescaped(value: str) -> str:
    for plain, escaped in reversed(ESCAPES[1:]):
        value = value.replace(escaped, plain)
    return value.replace("\\\\", "\\")
