"""A message on its way, and the connection that sends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hubbub.ledger.connection import Connection
from hubbub.ledger.counts import Counts
from hubbub.ledger.tag import message_key
from hubbub.metrics.histogram import Histogram
from hubbub.metrics.low_ends import NEVER_ON_TIME_US, LowEnds

NEVER_US = 1 << 62
"""A time that does not come: the end of what has not ended."""


class Timings:
    """The time series that a message's fate is recorded in: the run's, or during warm-up a set that is not reported.

    `recovery` has how long after its reconnect a connection was given what it had missed. `low` has the low ends of
    response and delivery, which are the same (arrived - tried), and `room_low` those of room_complete. They have as
    many values as their series.
    """

    __slots__ = ("delivery", "low", "recovery", "recovery_low", "response", "room_complete", "room_low", "send_lag")

    def __init__(self) -> None:
        self.response = Histogram()
        self.delivery = Histogram()
        self.send_lag = Histogram()
        self.room_complete = Histogram()
        self.recovery = Histogram()
        self.low = LowEnds()
        self.recovery_low = LowEnds()
        self.room_low = LowEnds()

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
        for name in cls.__slots__:
            setattr(timings, name, type(getattr(timings, name)).from_dict(values[name]))
        return timings


BACKEND, GENERATOR = "backend", "generator"


class Message:
    """One message from its send until the ledger forgets it.

    `conversation` is the conversation's index, and `counts` are the conversation's.
    `position` is its place in the conversation's log, or -1 while it is unseen. `frame` is the frame that carried
    it to its first receiver, byte for byte, and `unit` its part of that frame where a frame may have several, or where
    what arrived last is asked for on reconnect. `arrivals` are the receipt times of due first copies that are not in
    the figures yet: appending to it is all that a delivery costs here, and `Ledger.flush` takes in many at a time.
    `arrived` has for each of them the earliest time at which it can have reached this machine.
    `cut_by` says who cut the call that carried it, BACKEND or GENERATOR: it may not have reached the backend.
    `came_otherwise` has the connections at which it came in a frame that the contract does not take for a delivery.
    `remaining` counts the due deliveries that are still missing, by what was settled; `last_us` is the last receipt,
    `low_us` the highest low end. Low ends count from `tried_us`; `tolerance_us` covers the send lag (low_ends.py).
    """

    __slots__ = (
        "arrivals",
        "arrived",
        "came_otherwise",
        "conversation",
        "counts",
        "cut_by",
        "frame",
        "intended_us",
        "key",
        "last_us",
        "low_us",
        "number",
        "position",
        "producer",
        "refusal",
        "remaining",
        "sent_us",
        "tag",
        "timings",
        "tolerance_us",
        "tried_us",
        "unit",
    )

    def __init__(
        self,
        producer: Producer,
        number: int,
        conversation: int,
        counts: Counts,
        intended_us: int,
        sent_us: int,
        tag: bytes,
        timings: Timings,
        tolerance_us: int = NEVER_ON_TIME_US,
    ) -> None:
        self.producer = producer
        self.number = number
        self.key = message_key(producer.id, number)
        self.conversation = conversation
        self.counts = counts
        self.intended_us = intended_us
        self.sent_us = sent_us
        self.tag: bytes | None = tag
        self.timings = timings
        self.frame: bytes | None = None
        self.unit: bytes | None = None
        self.arrivals: list[int] = []
        self.arrived: list[int] = []
        self.tried_us = sent_us
        self.tolerance_us = tolerance_us
        self.last_us = 0
        self.low_us = 0
        self.position = -1
        self.remaining = 0
        self.refusal = ""
        self.came_otherwise: set[int] | None = None
        self.cut_by = ""

    @property
    def is_seen(self) -> bool:
        """Whether anyone has seen it."""
        return self.position >= 0

    def forget_bytes(self) -> None:
        """From now on each copy has to be looked at."""
        self.tag = self.frame = self.unit = None

    def __repr__(self) -> str:
        return f"<Message {self.producer.id}:{self.number} at {self.position}, {self.remaining} due>"


class Producer:
    """One connection as the author of numbered messages. A reconnect is a new producer, also of a connection that is
    resumed and keeps its number as a receiver.

    `messages` holds those that the ledger still remembers, `pending` those that are unseen, `forgotten` the last
    one of each conversation that the ledger has forgotten. `died_us` is when the connection ended, NEVER_US while it
    lives; `is_death_ours` says that the generator may have ended it. `on_newest_seen` is called when its newest message
    was seen for the first time, by anyone. `has_order`: its messages go one after the other over one connection.
    """

    __slots__ = (
        *("connection", "died_us", "forgotten", "has_order", "id", "is_death_ours", "last_confirmed"),
        *("messages", "next_number", "on_newest_seen", "pending"),
    )

    def __init__(self, connection: Connection, number: int = 0) -> None:
        self.connection = connection
        self.id = number or connection.id
        self.messages: dict[int, Message] = {}
        self.pending: dict[int, Message] = {}
        self.forgotten: dict[int, Message] = {}
        self.next_number = 1
        self.last_confirmed = 0
        self.died_us = NEVER_US
        self.is_death_ours = False
        self.has_order = True
        self.on_newest_seen: Callable[[], None] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether its connection is there."""
        return self.died_us == NEVER_US

    def may_have_missed(self, message: Message) -> bool:
        """Whether an answer to a message may have come and was not read, or could not come."""
        return self.is_alive and self.connection.doubted_us >= message.sent_us

    def forget(self, message: Message) -> None:
        """Every receiver has the message or has missed it: keep only what the order of later ones needs."""
        del self.messages[message.number]
        message.forget_bytes()
        last = self.forgotten.get(message.conversation)
        if last is None or last.number < message.number:
            self.forgotten[message.conversation] = message

    def refuse(self, kind: str, before: int | None = None) -> bool:
        """Give a refusal to the nearest message without an answer, of those before a number; False for none.

        Where messages have no order, each is refused by itself.
        """
        if not self.has_order:
            return False
        for message in reversed(self.pending.values()):
            if not message.refusal and (before is None or message.number < before):
                message.refusal = kind
                return True
        return False
