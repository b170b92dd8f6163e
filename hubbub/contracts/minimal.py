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
from dataclasses import dataclass
from typing import ClassVar

import orjson

from hubbub.contracts.base import Contract, Delivery, Event, EventKind, Phase


@dataclass
class Minimal(Contract):
    """See the module. `settings`: `path`, the WebSocket's path below the origin."""

    name: ClassVar[str] = "minimal"
    phases: ClassVar[tuple[Phase, ...]] = (Phase.CONNECT, Phase.JOIN)
    delivery_prefix: ClassVar[bytes] = b'{"deliver":'
    has_echo: ClassVar[bool] = False
    has_accounts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.settings = {"path": "/"} | self.settings

    def websocket_path(self, ticket: str) -> str:
        return str(self.settings["path"])

    def hello(self, email: str) -> str | None:
        return json.dumps({"hello": email})

    def join(self, conversation_id: int) -> str:
        return f'{{"join":{conversation_id}}}'

    def leave(self, conversation_id: int) -> str | None:
        return f'{{"leave":{conversation_id}}}'

    def message(self, conversation_id: int, content: str) -> str:
        return f'{{"send":{json.dumps(content, ensure_ascii=False)},"to":{conversation_id}}}'

    def recognise(self, payload: bytes) -> Event | Delivery:
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
