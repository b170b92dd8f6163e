"""A message on its way, and the connection that sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubbub.ledger.tag import message_key
from hubbub.metrics.histogram import Histogram

if TYPE_CHECKING:
    from hubbub.ledger.conversation import Conversation
    from hubbub.ledger.link import Link

NEVER_US = 1 << 62
"""A time that does not come: the end of what has not ended."""


class Timings:
    """The time series that a message's fate is recorded in: the run's, or during warm-up a set that nobody reads."""

    __slots__ = ("delivery", "response", "room_complete", "send_lag")

    def __init__(self) -> None:
        self.response = Histogram()
        self.delivery = Histogram()
        self.send_lag = Histogram()
        self.room_complete = Histogram()

    def merge(self, other: Timings) -> None:
        """Add another set's values to this one."""
        for name in self.__slots__:
            getattr(self, name).merge(getattr(other, name))

    def clear(self) -> None:
        """Forget all values."""
        for name in self.__slots__:
            getattr(self, name).clear()

    def since(self, earlier: Timings) -> Timings:
        """What was timed after an earlier state of this set."""
        later = Timings()
        for name in self.__slots__:
            setattr(later, name, getattr(self, name).since(getattr(earlier, name)))
        return later

    def to_dict(self) -> dict[str, Any]:
        """As plain values for msgpack."""
        return {name: getattr(self, name).to_dict() for name in self.__slots__}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Timings:
        timings = cls()
        for name, histogram in values.items():
            setattr(timings, name, Histogram.from_dict(histogram))
        return timings


class Message:
    """One message from its send until the ledger forgets it.

    `position` is its place in the conversation's log, or -1 while nobody has seen it. `frame` is the frame that carried
    it to its first receiver, byte for byte. `arrivals` are the receipt times of due first copies that are not in the
    figures yet: appending to it is all that a delivery costs here, and `Ledger.settle` takes them in, many at a time.
    `remaining` counts the due deliveries that are still missing, by what was settled; `last_us` is the last receipt.
    """

    __slots__ = (
        "arrivals",
        "conversation",
        "frame",
        "intended_us",
        "key",
        "last_us",
        "number",
        "position",
        "refusal",
        "remaining",
        "sender",
        "sent_us",
        "tag",
        "timings",
    )

    def __init__(
        self,
        sender: Sender,
        number: int,
        conversation: Conversation,
        intended_us: int,
        sent_us: int,
        tag: bytes,
        timings: Timings,
    ) -> None:
        self.sender = sender
        self.number = number
        self.key = message_key(sender.id, number)
        self.conversation = conversation
        self.intended_us = intended_us
        self.sent_us = sent_us
        self.tag: bytes | None = tag
        self.timings = timings
        self.frame: bytes | None = None
        self.arrivals: list[int] = []
        self.last_us = 0
        self.position = -1
        self.remaining = 0
        self.refusal = ""

    @property
    def is_seen(self) -> bool:
        """Whether anyone has seen it."""
        return self.position >= 0

    def __repr__(self) -> str:
        return f"<Message {self.sender.id}:{self.number} at {self.position}, {self.remaining} due>"


class Sender:
    """One connection as the author of numbered messages. A reconnect is a new sender.

    `messages` holds those that the ledger still remembers, `pending` those that nobody has seen, `forgotten` the last
    one of each conversation that it remembers no more. `died_us` is when the connection `link` ended, NEVER_US while it
    lives.
    """

    __slots__ = ("died_us", "forgotten", "id", "last_confirmed", "link", "messages", "next_number", "pending")

    def __init__(self, sender_id: int) -> None:
        self.id = sender_id
        self.messages: dict[int, Message] = {}
        self.pending: dict[int, Message] = {}
        self.forgotten: dict[int, Message] = {}
        self.next_number = 1
        self.last_confirmed = 0
        self.died_us = NEVER_US
        self.link: Link | None = None

    def forget(self, message: Message) -> None:
        """Everyone has the message, or has missed it: keep no more of it than its order needs."""
        del self.messages[message.number]
        message.tag = message.frame = None
        last = self.forgotten.get(message.conversation.index)
        if last is None or last.number < message.number:
            self.forgotten[message.conversation.index] = message

    def refuse(self, kind: str, before: int | None = None) -> bool:
        """Give a refusal to the nearest message without an answer, of those before a number; False for none."""
        for message in reversed(self.pending.values()):
            if not message.refusal and (before is None or message.number < before):
                message.refusal = kind
                return True
        return False
