"""A second, small contract: no HTTP at all, authentication in the first frame, an acknowledgement for every message
and no echo to its sender.

    -> {"hello":"<e-mail>"}                        <- {"welcome":<user id>}
    -> {"join":<conversation>}                     <- {"joined":<conversation>}
    -> {"send":"<content>","to":<conversation>}    <- {"ack":<how many on this connection>}
                                                   <- {"deliver":"<content>","in":<conversation>,"from":<user id>}
    -> {"leave":<conversation>}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from hubbub.contracts.base import Contract, Phase
from hubbub.contracts.calls import Id
from hubbub.contracts.events import AnyEvent, Delivery, Event, EventKind


class Minimal(Contract):
    """See the module. `settings`: `path`, the WebSocket's path below the origin."""

    name = "minimal"
    phases = (Phase.CONNECT, Phase.JOIN)
    delivery_prefix = b'{"deliver":'
    has_echo = False
    accounts = "any"
    rooms = "name"

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__({"path": "/"} | dict(settings or {}))

    def conversation_name(self, run_id: str, index: int) -> Id:
        return (int(run_id, 16) << 16) + index + 1

    def websocket_path(self, ticket: str) -> str:
        return str(self.settings["path"])

    def hello(self, email: str) -> str | None:
        return json.dumps({"hello": email})

    def join(self, conversation_id: Id) -> str:
        return f'{{"join":{conversation_id}}}'

    def leave(self, conversation_id: Id) -> str | None:
        return f'{{"leave":{conversation_id}}}'

    def message(self, conversation_id: Id, content: str) -> str:
        return f'{{"send":{json.dumps(content, ensure_ascii=False)},"to":{conversation_id}}}'

    def recognise(self, payload: bytes) -> AnyEvent:
        try:
            frame = orjson.loads(payload)
            if "deliver" in frame:
                return Delivery(int(frame["in"]), int(frame["from"]), str(frame["deliver"]))
            if "ack" in frame:
                return Event(EventKind.CONFIRMED, number=int(frame["ack"]))
            if "joined" in frame:
                return Event(EventKind.JOINED, int(frame["joined"]))
            if "welcome" in frame:
                return Event(EventKind.CONNECTED)
            return Event(EventKind.OTHER)
        except (ValueError, TypeError, KeyError) as error:
            return Event(EventKind.UNREADABLE, text=f"{type(error).__name__}: {payload[:80]!r}")
