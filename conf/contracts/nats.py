"""NATS over WebSocket: docs/backends/nats.md says how it was tried.

    <- INFO {..}            -> CONNECT {..}, PING          <- PONG
    -> SUB <subject> 1      -> PING                        <- PONG: the subscription is there
    -> PUB <subject> <bytes>, then the message             <- MSG <subject> 1 <bytes>, then the message
    <- PING                 -> PONG

The protocol is a stream of bytes: a frame may hold several messages, or a part of one. With `echo=false` the server
keeps a sender's messages from it, and says +OK to each instead (`verbose`).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from hubbub import Contract, Delivery, Dialogue, Event, EventKind, Opening, Phase, Upgrade

MAX_LINE_BYTES, MAX_MESSAGE_BYTES = 64 << 10, 16 << 20
NAMELESS = -1


class Nats(Contract):
    """`settings`: `path`; `echo`; `subject`, how subjects begin; `auth`: `none`, or `password` from the accounts."""

    name = "nats"
    phases = (Phase.CONNECT, Phase.JOIN)
    accounts = "any"
    rooms = "name"
    is_stream = True

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        defaults = {"path": "/", "echo": True, "subject": "perfws", "auth": "none", "max_content": 1 << 20}
        super().__init__(defaults | dict(settings or {}))

    @property
    def has_echo(self) -> bool:  # type: ignore[override]  # it is a setting
        return bool(self.settings["echo"])

    def conversation_name(self, run_id: str, index: int) -> str:
        return f"{self.settings['subject']}.{run_id}.{index}"

    def dialogue(self, opening: Opening) -> Dialogue:
        return NatsDialogue(self, opening)

    def message(self, conversation_id: str | int, content: str) -> bytes:
        body = content.encode()
        return b"PUB %s %d\r\n%s\r\n" % (str(conversation_id).encode(), len(body), body)


class NatsDialogue(Dialogue):
    """One connection: what is left of the stream, and what the server's answers in order are answers to."""

    __slots__ = ("_awaited", "_has_connected", "_pongs", "_rest")

    def __init__(self, contract: Nats, opening: Opening) -> None:
        super().__init__(contract, opening)
        self._rest = b""
        self._has_connected = False
        self._pongs: deque[Event] = deque()
        self._awaited: deque[Event | None] = deque()

    def upgrade(self) -> Upgrade:
        return Upgrade(str(self.contract.settings["path"]))

    def enter(self, conversation_id: str | int) -> Sequence[bytes]:
        self._expect_ok(None)
        self._pongs.append(Event(EventKind.JOINED, conversation_id))
        return (b"SUB %s 1\r\nPING\r\n" % str(conversation_id).encode(),)

    def leave(self, conversation_id: str | int) -> Sequence[bytes]:
        self._expect_ok(None)
        return (b"UNSUB 1\r\n",)

    def post(self, conversation_id: str | int, content: str, number: int) -> Sequence[bytes]:
        self._expect_ok(Event(EventKind.CONFIRMED, number=number))
        return (self.contract.message(conversation_id, content),)  # type: ignore[return-value]  # it makes bytes

    def _expect_ok(self, event: Event | None) -> None:
        if not self.contract.has_echo:
            self._awaited.append(event)

    def receive(self, payload: bytes) -> Sequence[Event | Delivery]:
        data = self._rest + payload if self._rest else payload
        events: list[Event | Delivery] = []
        at = 0
        while (end := data.find(b"\r\n", at)) >= 0:
            line = data[at:end]
            at_next = end + 2
            if line.startswith(b"MSG "):
                words = line.split()
                size = int(words[-1])
                if not 0 <= size <= MAX_MESSAGE_BYTES:
                    raise ValueError(f"a message of {size} bytes")
                if len(data) < at_next + size + 2:
                    break
                content = data[at_next : at_next + size].decode("utf-8", "replace")
                events.append(Delivery(words[1].decode(), NAMELESS, content))
                at_next += size + 2
            else:
                events += self._line(line)
            at = at_next
        self._rest = data[at:]
        if len(self._rest) > MAX_LINE_BYTES and b"\r\n" not in self._rest:
            raise ValueError("a line without an end")
        return events

    def _line(self, line: bytes) -> Sequence[Event]:
        word, _, rest = line.partition(b" ")
        if word == b"INFO":
            return () if self._has_connected else (Event(EventKind.REPLY, frames=(self._connect(),)),)
        if word == b"PING":
            return (Event(EventKind.REPLY, frames=(b"PONG\r\n",)),)
        if word == b"PONG":
            return (self._pongs.popleft(),) if self._pongs else ()
        if word == b"+OK":
            event = self._awaited.popleft() if self._awaited else None
            return (event,) if event is not None else ()
        if word == b"-ERR":
            return self._refused(rest.decode("utf-8", "replace").strip("' "))
        return (Event(EventKind.OTHER, text=word[:20].decode("ascii", "replace")),)

    def _refused(self, text: str) -> Sequence[Event]:
        event = self._awaited.popleft() if self._awaited else None
        if event is not None:
            return (Event(EventKind.REFUSED, number=event.number, text=text),)
        kind = EventKind.LIMIT if "maximum connections" in text.lower() else EventKind.FAILED
        return (Event(kind, text=text),)

    def _connect(self) -> bytes:
        self._has_connected = True
        credentials, has_echo = self.opening.credentials, self.contract.has_echo
        options: dict[str, Any] = {"verbose": not has_echo, "pedantic": False, "echo": has_echo, "lang": "python"}
        if self.contract.settings["auth"] == "password":
            options |= {"user": credentials.email, "pass": credentials.password}
        self._expect_ok(None)
        self._pongs.append(Event(EventKind.CONNECTED))
        return b"CONNECT %s\r\nPING\r\n" % json.dumps(options).encode()
