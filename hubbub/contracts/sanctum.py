"""The default contract: HTTP for accounts, conversations and tickets, JSON text frames over one WebSocket.

Rules of the backend that shape the code: a ticket is single-use and lives 60 s; a join by a non-member is ignored
without an answer; there is no acknowledgement but a sender's own echo; `room_message` is a second copy of a message
for other parts of the page, not a delivery, but in an older version the only one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

import orjson

from hubbub.contracts.base import Contract, Credentials, Identity, Phase
from hubbub.contracts.calls import Call, Id, Script, checked_number, checked_text, member
from hubbub.contracts.events import AnyEvent, Delivery, Event, EventKind
from hubbub.errors import ContractError

_KINDS = {
    "connected": EventKind.CONNECTED,
    "joined": EventKind.JOINED,
    "messages_dropped": EventKind.DROPPED,
    "server_shutdown": EventKind.SHUTDOWN,
}


class Sanctum(Contract):
    """See the module. `settings`: `api`, the path of the API below the origin; `delivery_type`, the type of the frames
    that deliver messages, several with commas; `rate_limit_text`, how a refusal for too many messages begins;
    `connection_limit_text`, how a connection too many is told; `max_content`, the characters of the longest message."""

    name = "sanctum"
    phases = (Phase.LOGIN, Phase.CONVERSATION, Phase.TICKET, Phase.CONNECT, Phase.JOIN)
    history_cache_s = 120

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        defaults = {
            "api": "/api",
            "delivery_type": "message",
            "max_content": 10_000,
            "rate_limit_text": "Rate limit exceeded",
            "connection_limit_text": "user connection limit reached",
        }
        super().__init__(defaults | dict(settings or {}))

    @cached_property
    def delivery_types(self) -> tuple[str, ...]:
        """The types of the frames that deliver messages, the usual one first."""
        return tuple(kind.strip() for kind in str(self.settings["delivery_type"]).split(",") if kind.strip())

    @cached_property
    def delivery_prefix(self) -> bytes:  # type: ignore[override]  # a class has no settings
        return f'{{"type":{json.dumps(self.delivery_types[0])},'.encode() if self.delivery_types else b"\0"

    def health(self) -> Call | None:
        return Call("GET", "/health/ready")

    def signup(self, credentials: Credentials) -> Script[Identity]:
        body = {"username": credentials.username, "email": credentials.email, "password": credentials.password}
        return _identity((yield Call("POST", f"{self._api}/auth/signup", body, accepts=(201,))))

    def login(self, credentials: Credentials) -> Script[Identity]:
        body = {"email": credentials.email, "password": credentials.password}
        return _identity((yield Call("POST", f"{self._api}/auth/login", body)))

    def create_conversation(self, identity: Identity, name: str) -> Script[Id]:
        body = {"name": name, "is_group": True, "participant_ids": [identity.user_id]}
        call = Call("POST", f"{self._api}/conversations/", body, identity.token, accepts=(200, 201))
        return checked_number(member((yield call), "id"))

    def join_conversation(self, identity: Identity, conversation_id: Id) -> Script[None]:
        yield Call("POST", f"{self._api}/chatrooms/{conversation_id}/join", {}, identity.token)

    def leave_conversation(self, identity: Identity, conversation_id: Id) -> Script[None]:
        path = f"{self._api}/conversations/{conversation_id}"
        yield Call("DELETE", path, token=identity.token, accepts=(200, 204))

    def ticket(self, identity: Identity) -> Script[str]:
        return checked_text(member((yield Call("POST", f"{self._api}/ws/ticket", {}, identity.token)), "ticket"))

    def history(self, identity: Identity, conversation_id: Id, limit: int, offset: int) -> Script[list[tuple[Id, str]]]:
        path = f"{self._api}/conversations/{conversation_id}/messages?limit={limit}&offset={offset}"
        body = yield Call("GET", path, token=identity.token)
        if not isinstance(body, list):
            raise ContractError(f"expected a list of messages, got {type(body).__name__}")
        return [(checked_number(member(each, "id")), checked_text(member(each, "content"))) for each in body]

    def post_message(self, identity: Identity, conversation_id: Id, content: str) -> Script[None]:
        path = f"{self._api}/conversations/{conversation_id}/messages"
        yield Call("POST", path, {"content": content, "message_type": "text"}, identity.token, accepts=(200, 201))

    def websocket_path(self, ticket: str) -> str:
        return f"{self._api}/ws/chat?ticket={quote(ticket, safe='')}"

    def join(self, conversation_id: Id) -> str:
        return f'{{"type":"join","conversation_id":{conversation_id}}}'

    def leave(self, conversation_id: Id) -> str | None:
        return f'{{"type":"leave","conversation_id":{conversation_id}}}'

    def message(self, conversation_id: Id, content: str) -> str:
        quoted = json.dumps(content, ensure_ascii=False)  # as browsers write it: a frame's limit counts its bytes
        return f'{{"type":"message","conversation_id":{conversation_id},"content":{quoted}}}'

    def typing(self, conversation_id: Id, is_typing: bool) -> str | None:
        return json.dumps({"type": "typing", "conversation_id": conversation_id, "is_typing": is_typing})

    def read(self, conversation_id: Id) -> str | None:
        return f'{{"type":"read","conversation_id":{conversation_id}}}'

    def recognise(self, payload: bytes) -> AnyEvent:
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


def _identity(body: Any) -> Identity:
    return Identity(checked_text(member(body, "token")), checked_number(member(body, "user", "id")))
