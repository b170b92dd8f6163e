"""Matrix's client-server API over HTTP (Synapse and others): docs/backends/matrix.md says how it was tried.

There is no WebSocket: a connection polls /sync, and what it is given begins where the last answer ended. Messages are
sent over HTTP (--mix Poster=1). Membership is subscription. After an outage /sync goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from hubbub import (
    Call,
    Contract,
    ContractError,
    Credentials,
    Delivery,
    Dialogue,
    Event,
    EventKind,
    Identity,
    Opening,
    Phase,
)

V3 = "/_matrix/client/v3"
MOST_EVENTS = 1_000
"""Of one room in one answer: Synapse gives no more, and says that it left some out."""

MESSAGES = {"types": ["m.room.message"]}
NOTHING: dict[str, list[str]] = {"types": []}
FILTER = {
    "presence": NOTHING,
    "account_data": NOTHING,
    "room": {
        "ephemeral": NOTHING,
        "account_data": NOTHING,
        "state": NOTHING,
        "timeline": MESSAGES | {"limit": MOST_EVENTS},
    },
}


class Matrix(Contract):
    """`settings`: `poll`, how many seconds the backend may hold a poll that has nothing to bring."""

    name = "matrix"
    phases = (Phase.LOGIN, Phase.CONVERSATION, Phase.CONNECT)
    is_greeted = False
    confirms_joins = False
    sends_frames = False
    recover_s = 600.0

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__({"poll": 20, "max_content": 60_000} | dict(settings or {}))

    @property
    def poll_s(self) -> float:  # type: ignore[override]  # it is a setting
        return float(self.settings["poll"])

    def health(self) -> Call:
        return Call("GET", "/_matrix/client/versions")

    def signup(self, credentials: Credentials) -> Any:
        body = yield Call(
            "POST",
            f"{V3}/register",
            {"username": name_of(credentials), "password": credentials.password, "auth": {"type": "m.login.dummy"}},
        )
        return Identity(_text(body, "access_token"), _text(body, "user_id"), credentials.columns)

    def login(self, credentials: Credentials) -> Any:
        if token := credentials.columns.get("token", ""):
            return Identity(token, credentials.columns.get("user", ""), credentials.columns)
        identifier = {"type": "m.id.user", "user": name_of(credentials)}
        body = yield Call(
            "POST",
            f"{V3}/login",
            {"type": "m.login.password", "identifier": identifier, "password": credentials.password},
        )
        return Identity(_text(body, "access_token"), _text(body, "user_id"), credentials.columns)

    def create_conversation(self, identity: Identity, name: str) -> Any:
        body = yield Call("POST", f"{V3}/createRoom", {"preset": "public_chat", "name": name}, identity.token)
        return _text(body, "room_id")

    def join_conversation(self, identity: Identity, conversation_id: int | str) -> Any:
        yield Call("POST", f"{V3}/join/{_part(conversation_id)}", {}, identity.token)

    def leave_conversation(self, identity: Identity, conversation_id: int | str) -> Any:
        yield Call("POST", f"{V3}/rooms/{_part(conversation_id)}/leave", {}, identity.token)

    def post_message(self, identity: Identity, conversation_id: int | str, content: str) -> Any:
        number = hashlib.sha256(content.encode()).hexdigest()[:32]  # every content has a tag of its own
        yield Call(
            "PUT",
            f"{V3}/rooms/{_part(conversation_id)}/send/m.room.message/{number}",
            {"msgtype": "m.text", "body": content},
            identity.token,
        )

    def history(self, identity: Identity, conversation_id: int | str, limit: int, offset: int) -> Any:
        found: list[tuple[int | str, str]] = []
        cursor, wanted = "", offset + limit
        while len(found) < wanted:
            more = f"&from={_part(cursor)}" if cursor else ""
            size = min(wanted - len(found), MOST_EVENTS)
            path = f"{V3}/rooms/{_part(conversation_id)}/messages?dir=b&limit={size}&filter={_json(MESSAGES)}{more}"
            body = yield Call("GET", path, token=identity.token)
            found += [(event["event_id"], _body_of(event)) for event in body["chunk"] if _body_of(event)]
            cursor = body.get("end", "")
            if not cursor:
                break
        return found[offset:wanted]

    def dialogue(self, opening: Opening) -> Dialogue:
        return MatrixDialogue(self, opening)


class MatrixDialogue(Dialogue):
    """One connection: where the next answer begins."""

    __slots__ = ("_since",)

    contract: Matrix

    def __init__(self, contract: Matrix, opening: Opening) -> None:
        super().__init__(contract, opening)
        self._since = opening.previous if isinstance(opening.previous, str) else ""

    def enter(self, conversation_id: int | str) -> Sequence[str]:
        return ()

    def leave(self, conversation_id: int | str) -> Sequence[str]:
        return ()

    def poll(self) -> Call:
        assert self.opening.identity is not None
        # an answer to the same question may come from a cache: the connections of an account ask for different times
        wait_ms = int(self.contract.poll_s * 1_000) + self.opening.number % 1_000 if self._since else 0
        since = f"&since={_part(self._since)}" if self._since else ""
        path = f"{V3}/sync?timeout={wait_ms}&filter={_json(FILTER)}{since}"
        return Call("GET", path, token=self.opening.identity.token)

    def resume(self, newest: bytes) -> str | None:
        return self._since or None

    def receive(self, payload: bytes) -> Sequence[Event | Delivery]:
        try:
            body = json.loads(payload)
            since = _text(body, "next_batch")
        except (ValueError, RecursionError, ContractError) as error:
            return (Event(EventKind.UNREADABLE, text=f"{error}: {payload[:80]!r}"),)
        events: list[Event | Delivery] = []
        rooms = body.get("rooms", {})
        for room, news in rooms.get("join", {}).items():
            timeline = news.get("timeline", {})
            if timeline.get("limited") and self._since:
                events.append(Event(EventKind.DROPPED))
            for event in timeline.get("events", ()):
                if content := _body_of(event):
                    events.append(Delivery(room, str(event.get("sender", "")), content))
        self._since = since
        return events


def name_of(credentials: Credentials) -> str:
    """The local part of a user's id: lower case, and no @."""
    return re.sub(r"[^a-z0-9._=/+-]", "-", credentials.email.lower())


def _body_of(event: Any) -> str:
    """What a message says; empty for one that was removed, or is no text."""
    body = event.get("content", {}).get("body", "")
    return body if isinstance(body, str) else ""


def _text(body: Any, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str):
        raise ContractError(f"expected a text {name!r} in the answer")
    return value


def _part(value: int | str) -> str:
    return quote(str(value), safe="")


def _json(value: Mapping[str, Any]) -> str:
    return quote(json.dumps(value, separators=(",", ":")), safe="")
