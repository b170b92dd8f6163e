"""A contract's border: whatever a dialogue raises or returns is one sentence, and concerns its own connection alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hubbub.contracts import AnyEvent, Call, Contract, Delivery, Dialogue, Event, EventKind, Frame, Id, Opening, Upgrade
from hubbub.errors import BrokenContract, described

T = TypeVar("T")
SHOWN_BYTES = 80
MAX_EVENTS = 10_000
"""Of one frame: a megabyte of the smallest messages that there are."""


class GuardedDialogue:
    """A contract's dialogue. Raises BrokenContract for whatever that raises; `receive` raises nothing."""

    __slots__ = ("_dialogue", "_name")

    def __init__(self, contract: Contract, opening: Opening) -> None:
        self._name = contract.name
        self._dialogue: Dialogue = self._call("dialogue", lambda: contract.dialogue(opening))

    def _call(self, method: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except Exception as error:
            raise BrokenContract(f"contract {self._name}: {method} raised {described(error)}") from error

    def _frames(self, method: str, call: Callable[[], Sequence[Frame]]) -> Sequence[Frame]:
        frames = self._call(method, lambda: tuple(call()))
        for frame in frames:
            if not isinstance(frame, str | bytes):
                kind = type(frame).__name__
                raise BrokenContract(f"contract {self._name}: {method} made a {kind}, and frames are texts or bytes")
        return frames

    def upgrade(self) -> Upgrade:
        upgrade: object = self._call("upgrade", self._dialogue.upgrade)
        if not isinstance(upgrade, Upgrade):
            raise BrokenContract(f"contract {self._name}: upgrade made a {type(upgrade).__name__} and no Upgrade")
        return upgrade

    def start(self) -> Sequence[Frame]:
        return self._frames("start", self._dialogue.start)

    def enter(self, conversation_id: Id) -> Sequence[Frame]:
        return self._frames("enter", lambda: self._dialogue.enter(conversation_id))

    def leave(self, conversation_id: Id) -> Sequence[Frame]:
        return self._frames("leave", lambda: self._dialogue.leave(conversation_id))

    def post(self, conversation_id: Id, content: str, number: int) -> Sequence[Frame]:
        return self._frames("post", lambda: self._dialogue.post(conversation_id, content, number))

    def typing(self, conversation_id: Id, is_typing: bool) -> Sequence[Frame]:
        return self._frames("typing", lambda: self._dialogue.typing(conversation_id, is_typing))

    def read(self, conversation_id: Id) -> Sequence[Frame]:
        return self._frames("read", lambda: self._dialogue.read(conversation_id))

    def heartbeat(self) -> Sequence[Frame]:
        return self._frames("heartbeat", self._dialogue.heartbeat)

    def poll(self) -> Call | None:
        call: object = self._call("poll", self._dialogue.poll)
        if call is not None and not isinstance(call, Call):
            raise BrokenContract(f"contract {self._name}: poll made a {type(call).__name__} and no Call")
        return call

    def resume(self, newest: bytes) -> object:
        return self._call("resume", lambda: self._dialogue.resume(newest))

    def receive(self, payload: bytes) -> Sequence[AnyEvent]:
        """What a frame means; BROKEN where the contract fails on it."""
        try:
            events = self._dialogue.receive(payload)
            for event in events:
                if isinstance(event, Delivery):
                    if not isinstance(event.content, str):
                        raise TypeError(f"a delivery's content is a {type(event.content).__name__} and no text")
                elif not isinstance(event, Event):
                    raise TypeError(f"{type(event).__name__} is no event")
            if len(events) > MAX_EVENTS:
                raise ValueError(f"{len(events)} events in one frame")
        except Exception as error:
            return (Event(EventKind.BROKEN, text=f"receive raised {described(error)} on {payload[:SHOWN_BYTES]!r}"),)
        return events
