"""Socket.IO 4 with the parser of socket.io-msgpack-parser: docs/backends/socketio.md says how it was tried.

What the text of a packet says otherwise is a map in msgpack, in a binary frame; the transport's own packets stay text.
The events of a chat are the app's own: `join` (room) and `message` (room, text), as in socketio.toml.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgpack

from hubbub import Contract, Delivery, Dialogue, Event, EventKind, Opening, Phase, Upgrade

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR = range(5)
FIRST_JOIN = 1_000_000
NAMELESS = -1


class SocketIoMsgpack(Contract):
    """`settings`: `path`; `echo`; `namespace`."""

    name = "socketio_msgpack"
    phases = (Phase.CONNECT, Phase.JOIN)
    accounts = "any"
    rooms = "name"

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__({"path": "/socket.io/", "echo": True, "namespace": "/"} | dict(settings or {}))

    @property
    def has_echo(self) -> bool:  # type: ignore[override]  # it is a setting
        return bool(self.settings["echo"])

    def packet(self, kind: int, data: Any, number: int | None = None) -> bytes:
        """A packet of Socket.IO. `number` asks for an acknowledgement."""
        packet = {"type": kind, "data": data, "nsp": self.settings["namespace"]}
        packed: bytes = msgpack.packb(packet if number is None else packet | {"id": number})
        return packed

    def dialogue(self, opening: Opening) -> Dialogue:
        return SocketIoDialogue(self, opening)


class SocketIoDialogue(Dialogue):
    """One connection. It remembers the join that it asked for."""

    __slots__ = ("_room",)

    contract: SocketIoMsgpack

    def __init__(self, contract: SocketIoMsgpack, opening: Opening) -> None:
        super().__init__(contract, opening)
        self._room: int | str = 0

    def upgrade(self) -> Upgrade:
        return Upgrade(f"{self.contract.settings['path']}?EIO=4&transport=websocket")

    def start(self) -> Sequence[bytes]:
        return ()

    def enter(self, conversation_id: int | str) -> Sequence[bytes]:
        self._room = conversation_id
        return (self.contract.packet(EVENT, ["join", conversation_id], FIRST_JOIN),)

    def leave(self, conversation_id: int | str) -> Sequence[bytes]:
        return ()

    def post(self, conversation_id: int | str, content: str, number: int) -> Sequence[bytes]:
        return (self.contract.packet(EVENT, ["message", conversation_id, content], number),)

    def receive(self, payload: bytes) -> Sequence[Event | Delivery]:
        if payload == b"2":  # the server's ping
            return (Event(EventKind.REPLY, frames=("3",)),)
        if payload.startswith(b"0{"):
            opening = self.opening
            token = opening.identity.token if opening.identity is not None else ""
            who = {"email": opening.credentials.email, "token": token}
            return (Event(EventKind.REPLY, frames=(self.contract.packet(CONNECT, who),)),)
        try:
            packet = msgpack.unpackb(payload)
        except (ValueError, msgpack.UnpackException):
            packet = None
        if isinstance(packet, dict) and packet.get("nsp") != self.contract.settings["namespace"]:
            return (Event(EventKind.OTHER, text="another namespace"),)
        if not isinstance(packet, dict):
            return (Event(EventKind.UNREADABLE, text=f"no packet of msgpack: {payload[:80]!r}"),)
        return (self._event(packet.get("type"), packet.get("data"), packet.get("id")),)

    def _event(self, kind: Any, data: Any, number: Any) -> Event | Delivery:
        if kind == EVENT and isinstance(data, list) and len(data) > 1 and data[0] == "message":
            return _delivery(data[1])
        if kind == ACK and type(number) is int and number >= 0:
            return self._answer(number, data[0] if isinstance(data, list) and data else None)
        if kind == CONNECT:
            return Event(EventKind.CONNECTED)
        if kind == CONNECT_ERROR:
            return Event(EventKind.FAILED, text=str(data.get("message", "") if isinstance(data, dict) else data))
        if kind == DISCONNECT:
            return Event(EventKind.SHUTDOWN, text="the server disconnects")
        return Event(EventKind.OTHER, text=str(data[0])[:40] if isinstance(data, list) and data else f"packet {kind}")

    def _answer(self, number: int, answer: Any) -> Event:
        """An acknowledgement: of the join or of a message, by its number; it may say that it was not taken."""
        error = answer.get("error") if isinstance(answer, dict) else None
        if number == FIRST_JOIN:
            kind = EventKind.JOINED if error is None else EventKind.FAILED
            return Event(kind, self._room, text="" if error is None else str(error))
        return Event(EventKind.CONFIRMED if error is None else EventKind.REFUSED, 0, number, str(error or ""))


def _delivery(said: Any) -> Event | Delivery:
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        return Event(EventKind.UNREADABLE, text=f"a message without its text: {str(said)[:80]}")
    sender, room = said.get("from", NAMELESS), said.get("room", 0)
    is_named = isinstance(sender, str | int) and isinstance(room, str | int)
    return Delivery(room, sender, said["text"]) if is_named else Delivery(0, NAMELESS, said["text"])
