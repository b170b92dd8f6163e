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
"""Of one room in one answer, if the server gives as many: Synapse gives 100 (filter_timeline_limit), and says that it
left some out. Those are then asked for."""

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
    """One connection: where the next answer begins, and which parts of rooms were left out of the last one.

    What came behind a part that was left out waits for it, so that nothing seems to be out of order.
    """

    __slots__ = ("_gaps", "_is_first", "_since", "_waiting")

    contract: Matrix

    def __init__(self, contract: Matrix, opening: Opening) -> None:
        super().__init__(contract, opening)
        self._since = opening.previous if isinstance(opening.previous, str) else ""
        self._is_first = True
        self._gaps: list[tuple[str, str, str]] = []
        self._waiting: list[Event | Delivery] = []

    def enter(self, conversation_id: int | str) -> Sequence[str]:
        return ()

    def leave(self, conversation_id: int | str) -> Sequence[str]:
        return ()

    def poll(self) -> Call:
        assert self.opening.identity is not None
        token = self.opening.identity.token
        if self._gaps:
            room, until, since = self._gaps[0]
            more = f"&from={_part(until)}&to={_part(since)}"
            path = f"{V3}/rooms/{_part(room)}/messages?dir=b&limit={MOST_EVENTS}&filter={_json(MESSAGES)}{more}"
            return Call("GET", path, token=token)
        # an answer to the same question may come from a cache: the connections of an account ask for different times
        wait_ms = 0 if self._is_first else int(self.contract.poll_s * 1_000) + self.opening.number % 1_000
        since = f"&since={_part(self._since)}" if self._since else ""
        return Call("GET", f"{V3}/sync?timeout={wait_ms}&filter={_json(FILTER)}{since}", token=token)

    def resume(self, newest: bytes) -> str | None:
        return self._since or None

    def receive(self, payload: bytes) -> Sequence[Event | Delivery]:
        try:
            body = json.loads(payload)
            return self._filled(body) if self._gaps else self._news(body)
        except (ValueError, RecursionError, ContractError) as error:
            return (Event(EventKind.UNREADABLE, text=f"{error}: {payload[:80]!r}"),)

    def _filled(self, body: Any) -> Sequence[Event | Delivery]:
        """What was left out, before what waits for it."""
        room, _, _ = self._gaps.pop(0)
        chunk = body.get("chunk") if isinstance(body, dict) else None
        found = _deliveries(room, reversed(chunk) if isinstance(chunk, list) else ())
        if isinstance(chunk, list) and len(chunk) >= MOST_EVENTS:
            found.insert(0, Event(EventKind.DROPPED))
        self._waiting = found + self._waiting
        if self._gaps:
            return ()
        events, self._waiting = self._waiting, []
        return events

    def _news(self, body: Any) -> Sequence[Event | Delivery]:
        since = _text(body, "next_batch")
        events: list[Event | Delivery] = []
        joined = _member(_member(body, "rooms"), "join")
        for room in joined:
            timeline = _member(_member(joined, room), "timeline")
            until = timeline.get("prev_batch")
            if timeline.get("limited") is True and self._since and isinstance(until, str):
                self._gaps.append((str(room), until, self._since))
            events += _deliveries(str(room), timeline.get("events"))
        self._since, self._is_first = since, False
        if self._gaps:
            self._waiting = events
            return ()
        return events


def _member(body: Any, name: str) -> dict[str, Any]:
    """A member that is an object; an empty one where it is none."""
    found = body.get(name) if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def _deliveries(room: str, events: Any) -> list[Event | Delivery]:
    """The messages of a list of events; what cannot be read hides none of the others."""
    found: list[Event | Delivery] = []
    for event in events or ():
        content = event.get("content") if isinstance(event, dict) else None
        body = content.get("body") if isinstance(content, dict) else None
        if isinstance(body, str):
            found.append(Delivery(room, str(event.get("sender", "")), body))
        elif not isinstance(content, dict):
            found.append(Event(EventKind.UNREADABLE, text=f"an event without content in {room}"))
    return found


def name_of(credentials: Credentials) -> str:
    """The local part of a user's id: lower case, and no @."""
    return re.sub(r"[^a-z0-9._=/+-]", "-", credentials.email.lower())


def _body_of(event: Any) -> str:
    """What a message says; empty for one that was removed, or is no text."""
    return str(_member(event, "content").get("body", ""))


def _text(body: Any, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str):
        raise ContractError(f"expected a text {name!r} in the answer")
    return value


def _part(value: int | str) -> str:
    return quote(str(value), safe="")


def _json(value: Mapping[str, Any]) -> str:
    return quote(json.dumps(value, separators=(",", ":")), safe="")
