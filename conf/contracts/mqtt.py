"""MQTT over WebSocket (3.1.1, and 5 without an echo): docs/backends/mqtt.md says how it was tried.

    -> CONNECT <- CONNACK     -> SUBSCRIBE <- SUBACK     -> PUBLISH <- PUBACK (QoS 1)     <- PUBLISH -> PUBACK (QoS 1)

A frame may hold several packets, or a part of one. A packet has no sender. Without an echo the subscription is one of
MQTT 5 with No Local, and messages are acknowledged (QoS 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubbub import Contract, Delivery, Dialogue, Event, EventKind, Opening, Phase, Upgrade

KEEP_ALIVE_S = 60
NAMELESS = -1
MAX_PACKET_BYTES = 16 << 20
CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 13, 14
FIRST_FAILURE = 0x80
REASONS = {
    1: "unacceptable protocol version",
    2: "identifier rejected",
    3: "server unavailable",
    4: "bad user or password",
    5: "not authorised",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "bad user or password",
    0x87: "not authorised",
    0x97: "quota exceeded",
    0x9F: "connection rate exceeded",
}


class Mqtt(Contract):
    """`settings`: `path`; `qos`, 0 or 1; `echo`; `topic`, how topics begin; `auth`: `none`, or `password`."""

    name = "mqtt"
    phases = (Phase.CONNECT, Phase.JOIN)
    accounts = "any"
    rooms = "name"
    is_stream = True
    heartbeat_s = KEEP_ALIVE_S / 2

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        defaults = {"path": "/mqtt", "qos": 0, "echo": True, "topic": "perfws", "auth": "none"}
        super().__init__(defaults | dict(settings or {}))

    @property
    def has_echo(self) -> bool:  # type: ignore[override]  # it is a setting
        return bool(self.settings["echo"])

    @property
    def qos(self) -> int:
        """Of messages: without an echo nothing else than an acknowledgement says that the backend has one."""
        return 1 if self.settings["qos"] or not self.has_echo else 0

    @property
    def answers_deliveries(self) -> bool:  # type: ignore[override]  # it follows from a setting
        return bool(self.qos)

    def conversation_name(self, run_id: str, index: int) -> str:
        return f"{self.settings['topic']}/{run_id}/{index}"

    def dialogue(self, opening: Opening) -> Dialogue:
        return MqttDialogue(self, opening)


class MqttDialogue(Dialogue):
    """One connection: packet identifiers, which have 16 bits, and what is left of the stream."""

    __slots__ = ("_is_5", "_packet", "_rest", "_sent")

    contract: Mqtt

    def __init__(self, contract: Mqtt, opening: Opening) -> None:
        super().__init__(contract, opening)
        self._is_5 = not contract.has_echo
        self._packet = 0
        self._rest = b""
        self._sent: dict[int, Event] = {}

    def upgrade(self) -> Upgrade:
        return Upgrade(str(self.contract.settings["path"]), {"Sec-WebSocket-Protocol": "mqtt"})

    def start(self) -> Sequence[bytes]:
        credentials, flags, user = self.opening.credentials, 0x02, b""
        if self.contract.settings["auth"] == "password":
            flags, user = 0xC2, _text(credentials.email) + _text(credentials.password)
        head = _text("MQTT") + bytes([5 if self._is_5 else 4, flags]) + KEEP_ALIVE_S.to_bytes(2, "big")
        client = _text(f"{credentials.email}-{self.opening.number}")
        return (_packet(0x10, head + self._properties() + client + user),)

    def enter(self, conversation_id: str | int) -> Sequence[bytes]:
        number = self._next(Event(EventKind.JOINED, conversation_id))
        options = self.contract.qos | (0x04 if self._is_5 else 0)  # 0x04: No Local
        return (_packet(0x82, number + self._properties() + _text(str(conversation_id)) + bytes([options])),)

    def leave(self, conversation_id: str | int) -> Sequence[bytes]:
        return (_packet(0xA2, self._next(None) + self._properties() + _text(str(conversation_id))),)

    def post(self, conversation_id: str | int, content: str, number: int) -> Sequence[bytes]:
        topic = _text(str(conversation_id))
        if not self.contract.qos:
            return (_packet(0x30, topic + self._properties() + content.encode()),)
        packet = self._next(Event(EventKind.CONFIRMED, number=number))
        return (_packet(0x32, topic + packet + self._properties() + content.encode()),)

    def heartbeat(self) -> Sequence[bytes]:
        return (b"\xc0\x00",)

    def _properties(self) -> bytes:
        """No properties, where the version has them."""
        return b"\x00" if self._is_5 else b""

    def _next(self, event: Event | None) -> bytes:
        """A packet identifier, and what its acknowledgement means."""
        self._packet = self._packet % 0xFFFF + 1
        if event is not None:
            self._sent[self._packet] = event
        return self._packet.to_bytes(2, "big")

    def receive(self, payload: bytes) -> Sequence[Event | Delivery]:
        data = self._rest + payload if self._rest else payload
        events: list[Event | Delivery] = []
        at = 0
        while (found := _size(data, at)) is not None:
            start, size = found
            if size > MAX_PACKET_BYTES:
                raise ValueError(f"a packet of {size} bytes")
            if len(data) < start + size:
                break
            events += self._take(data[at], data[start : start + size])
            at = start + size
        self._rest = data[at:]
        return events

    def _take(self, first: int, body: bytes) -> Sequence[Event | Delivery]:
        kind = first >> 4
        if kind == PUBLISH:
            return self._delivery(first, body)
        if kind == CONNACK:
            code = body[1]
            return (Event(EventKind.FAILED, text=_reason(code)) if code else Event(EventKind.CONNECTED),)
        if kind in (PUBACK, SUBACK):
            event = self._sent.pop(int.from_bytes(body[:2], "big"), None)
            code = body[-1] if kind == SUBACK or len(body) > 2 else 0
            if event is None or code < FIRST_FAILURE:
                return () if event is None else (event,)
            refusal = EventKind.REFUSED if kind == PUBACK else EventKind.FAILED
            return (Event(refusal, event.conversation_id, event.number, _reason(code)),)
        if kind == DISCONNECT:
            return (Event(EventKind.SHUTDOWN, text=_reason(body[0] if body else 0)),)
        return () if kind in (PINGRESP, 11) else (Event(EventKind.OTHER, text=f"packet {kind}"),)

    def _delivery(self, first: int, body: bytes) -> Sequence[Event | Delivery]:
        size = int.from_bytes(body[:2], "big")
        topic, at = body[2 : 2 + size].decode(), 2 + size
        events: list[Event | Delivery] = []
        if first & 0x06:
            events.append(Event(EventKind.REPLY, frames=(b"\x40\x02" + body[at : at + 2],)))
            at += 2
        if self._is_5:
            found = _length(body, at)
            assert found is not None, "a packet without its properties"
            at = sum(found)
        return [Delivery(topic, NAMELESS, body[at:].decode("utf-8", "replace")), *events]


def _reason(code: int) -> str:
    return REASONS.get(code, f"reason {code:#04x}")


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def _packet(first: int, body: bytes) -> bytes:
    size, rest = b"", len(body)
    while True:
        rest, digit = divmod(rest, 128)
        size += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([first]) + size + body


def _size(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at a place begins, and how long it is; None while that is not there."""
    return _length(data, at + 1) if at < len(data) else None


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """A variable byte integer: where it ends, and what it is (MQTT 5, 1.5.5)."""
    value = 0
    for place in range(4):
        if at + place >= len(data):
            return None
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return at + place + 1, value
    raise ValueError("a length of over four bytes")
