"""What a frame from the backend means to a load test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

from hubbub.contracts.calls import Id

Frame = str | bytes
"""What is sent in one message of the WebSocket: a text, or bytes."""


class EventKind(Enum):
    """What a frame from the backend means to a load test."""

    CONNECTED = auto()
    """The connection is accepted."""
    JOINED = auto()
    """A join is confirmed."""
    CONFIRMED = auto()
    """A message is acknowledged; `number` is the sender's."""
    REFUSED = auto()
    """A message was not taken; `number` is the sender's, 0 where the frame does not say which."""
    THROTTLED = auto()
    """A message was not taken because of a rate limit."""
    LIMIT = auto()
    """The connection is turned away because there are too many."""
    FAILED = auto()
    """The connection, or a join, is refused: `text` says why."""
    REPLY = auto()
    """The backend wants an answer: `frames` are sent at once."""
    DROPPED = auto()
    """The backend says that it dropped messages for this connection."""
    SHUTDOWN = auto()
    """The backend is about to stop."""
    TYPING = auto()
    """A user types, or does not any more (`state`)."""
    PRESENCE = auto()
    """A user is online, or not any more (`state`)."""
    OTHER = auto()
    """Anything else: other copies of a message, what is new about a conversation."""
    UNREADABLE = auto()
    """Not a frame of this contract."""
    BROKEN = auto()
    """The contract itself raised an exception; `text` says which."""


@dataclass(slots=True)
class Event:
    """A frame that is not a delivery. `text` is what it says, or its type where its kind is OTHER.

    `user_id` is of whom it tells, and `state` what: None where it does not say.
    """

    kind: EventKind
    conversation_id: Id = 0
    number: int = 0
    text: str = ""
    user_id: Id = 0
    state: bool | None = None
    frames: Sequence[Frame] = ()
    is_delivery: ClassVar[bool] = False

    @property
    def frame_type(self) -> str:
        """The type of a frame that means nothing to a load test; empty for one that is understood."""
        if self.kind is EventKind.OTHER:
            return self.text or "without a type"
        return "unreadable" if self.kind is EventKind.UNREADABLE else ""


@dataclass(slots=True)
class Delivery:
    """A frame that brings a stored message: the backend's ids of conversation and sender, and the content.

    A sender that the frame does not name is -1: whose a message without our tag is cannot be told then.
    """

    conversation_id: Id
    sender_id: Id
    content: str
    is_delivery: ClassVar[bool] = True


AnyEvent = Event | Delivery
