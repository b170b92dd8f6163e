"""The default contract: HTTP for accounts, conversations and tickets, JSON text frames over one WebSocket.

Rules of the backend that shape the code: a ticket is single-use and lives 60 s; a join by a non-member is ignored
without an answer; there is no acknowledgement but a sender's own echo; `room_message` is a second copy of a message
for other parts of the page, not a delivery, but in an older version the only one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote

import orjson

from hubbub.contracts.base import (
    Call,
    Contract,
    Delivery,
    Event,
    EventKind,
    Identity,
    Phase,
    checked_id,
    checked_text,
    shortened,
)
from hubbub.errors import ContractError

_KINDS = {
    "connected": EventKind.CONNECTED,
    "joined": EventKind.JOINED,
    "messages_dropped": EventKind.DROPPED,
    "server_shutdown": EventKind.SHUTDOWN,
}


@dataclass
class Sanctum(Contract):
    """See the module. `settings`: `api`, the path of the API below the origin; `delivery_type`, the type of the frames
    that deliver messages, several with commas; `rate_limit_text`, how a refusal for too many messages begins;
    `connection_limit_text`, how a connection too many is told; `max_content`, the characters of the longest message."""

    name: ClassVar[str] = "sanctum"
    phases: ClassVar[tuple[Phase, ...]] = (
        Phase.LOGIN,
        Phase.CONVERSATION,
        Phase.TICKET,
        Phase.CONNECT,
        Phase.JOIN,
    )
    history_cache_s: ClassVar[int] = 120
    settings: dict[str, Any] = field(
        default_factory=lambda: {
            "api": "/api",
            "delivery_type": "message",
            "max_content": 10_000,
            "rate_limit_text": "Rate limit exceeded",
            "connection_limit_text": "user connection limit reached",
        }
    )

    @cached_property
    def delivery_types(self) -> tuple[str, ...]:
        """The types of the frames that deliver messages, the usual one first."""
        return tuple(kind.strip() for kind in str(self.settings["delivery_type"]).split(",") if kind.strip())

    @cached_property
    def delivery_prefix(self) -> bytes:  # type: ignore[override]  # a class has no settings
        return f'{{"type":{json.dumps(self.delivery_types[0])},'.encode() if self.delivery_types else b"\0"

    def health(self) -> Call | None:
        return Call("GET", "/health/ready")

    def signup(self, username: str, email: str, password: str) -> Call:
        body = {"username": username, "email": email, "password": password}
        return Call("POST", f"{self._api}/auth/signup", body, accepts=(201,))

    def login(self, email: str, password: str) -> Call:
        return Call("POST", f"{self._api}/auth/login", {"email": email, "password": password})

    def identity(self, body: Any) -> Identity:
        return Identity(checked_text(_member(body, "token")), checked_id(_member(body, "user", "id")))

    def create_conversation(self, identity: Identity, name: str) -> Call:
        body = {"name": name, "is_group": True, "participant_ids": [identity.user_id]}
        return Call("POST", f"{self._api}/conversations/", body, identity.token, accepts=(200, 201))

    def conversation_id(self, body: Any) -> int:
        return checked_id(_member(body, "id"))

    def join_conversation(self, identity: Identity, conversation_id: int) -> Call:
        return Call("POST", f"{self._api}/chatrooms/{conversation_id}/join", {}, identity.token)

    def leave_conversation(self, identity: Identity, conversation_id: int) -> Call | None:
        path = f"{self._api}/conversations/{conversation_id}"
        return Call("DELETE", path, token=identity.token, accepts=(200, 204))

    def ticket(self, identity: Identity) -> Call:
        return Call("POST", f"{self._api}/ws/ticket", {}, identity.token)

    def ticket_of(self, body: Any) -> str:
        return checked_text(_member(body, "ticket"))

    def history(self, identity: Identity, conversation_id: int, limit: int, offset: int) -> Call | None:
        path = f"{self._api}/conversations/{conversation_id}/messages?limit={limit}&offset={offset}"
        return Call("GET", path, token=identity.token)

    def history_messages(self, body: Any) -> list[tuple[int, str]]:
        if not isinstance(body, list):
            raise ContractError(f"expected a list of messages, got {type(body).__name__}")
        return [(checked_id(_member(message, "id")), checked_text(_member(message, "content"))) for message in body]

    def post_message(self, identity: Identity, conversation_id: int, content: str) -> Call | None:
        path = f"{self._api}/conversations/{conversation_id}/messages"
        return Call("POST", path, {"content": content, "message_type": "text"}, identity.token, accepts=(200, 201))

    def websocket_path(self, ticket: str) -> str:
        return f"{self._api}/ws/chat?ticket={quote(ticket, safe='')}"

    def join(self, conversation_id: int) -> str:
        return f'{{"type":"join","conversation_id":{conversation_id}}}'

    def leave(self, conversation_id: int) -> str | None:
        return f'{{"type":"leave","conversation_id":{conversation_id}}}'

    def message(self, conversation_id: int, content: str) -> str:
        quoted = json.dumps(content, ensure_ascii=False)  # as browsers write it: a frame's limit counts its bytes
        return f'{{"type":"message","conversation_id":{conversation_id},"content":{quoted}}}'

    def typing(self, conversation_id: int, is_typing: bool) -> str | None:
        return json.dumps({"type": "typing", "conversation_id": conversation_id, "is_typing": is_typing})

    def read(self, conversation_id: int) -> str | None:
        return f'{{"type":"read","conversation_id":{conversation_id}}}'

    def recognise(self, payload: bytes) -> Event | Delivery:
        try:
            frame = orjson.loads(payload)
            if frame.get("type") in self.delivery_types:
                message = frame["payload"]
                return Delivery(int(frame["conversation_id"]), int(frame["user_id"]), str(message["content"]))
            return self._event(frame)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return Event(EventKind.UNREADABLE, text=f"{type(error).__name__}: {payload[:80]!r}")

    def _event(self, frame: dict[str, Any]) -> Event:
        kind = frame.get("type")
        if kind == "error":
            text = str(frame["payload"]["message"])
            is_rate_limit = text.startswith(self.settings["rate_limit_text"])
            return Event(EventKind.THROTTLED if is_rate_limit else EventKind.REFUSED, text=text)
        if kind is None and "error" in frame:
            text = str(frame["error"])
            is_limit = text.startswith(self.settings["connection_limit_text"])
            return Event(EventKind.LIMIT if is_limit else EventKind.REFUSED, text=text)
        conversation_id = int(frame.get("conversation_id") or 0)
        if kind == "typing":
            payload = frame.get("payload") or {}
            user_id = int(frame.get("user_id") or payload.get("user_id") or 0)
            return Event(EventKind.TYPING, conversation_id, user_id=user_id, state=_state(payload.get("is_typing")))
        if kind == "user_status":
            payload = frame["payload"]
            state = {"online": True, "offline": False}.get(str(payload["status"]))
            return Event(EventKind.PRESENCE, conversation_id, user_id=int(payload["user_id"]), state=state)
        return Event(_KINDS.get(str(kind), EventKind.OTHER), conversation_id, text=str(kind or ""))

    @property
    def _api(self) -> str:
        return str(self.settings["api"])


def _state(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _member(body: Any, *names: str) -> Any:
    """A nested member of a JSON answer. Raises ContractError when it is not there."""
    value = body
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise ContractError(f"expected {'.'.join(names)!r} in the backend's answer, got {shortened(body)}")
        value = value[name]
    return value
