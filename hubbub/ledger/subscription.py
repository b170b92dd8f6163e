"""One connection's view of one conversation: what it is due, what has arrived, and what it has missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hubbub.ledger.connection import Connection
from hubbub.ledger.counts import Counts
from hubbub.ledger.log import Log
from hubbub.ledger.message import NEVER_US, Message

REMEMBER_CLOSED_US = 600_000_000
"""How long a closed subscription can still be due a message that was planned before its end: more than any backlog."""


@dataclass(frozen=True, slots=True)
class ClosedSubscription:
    """What is kept of a subscription from its ready to its end. `connection` is as it was at the end.

    `written_off` is the subscription's own: a message that is seen for the first time now may have been due then.
    """

    connection: Connection
    ready_us: int
    ended_us: int
    written_off: dict[int, bool]

    def covers(self, intended_us: int) -> bool:
        """Whether a message that was meant to be sent then is due."""
        return self.ready_us <= intended_us < self.ended_us


class Subscription:
    """`own` is the connection where it gets no echo, else None. `counts` are the conversation's.

    `cursor` is the index in the log of the message it most likely gets next; `gaps` are the earlier ones that have not
    arrived, with the time at which each was passed over; `written_off` are the keys of those that it does not wait for
    any more, and whether they were due, and so are lost or excused; `pre_subscription` those of messages older than the
    subscription, or written off, that arrived all the same. `past` has the connection's closed subscriptions to the
    conversation. A subscription is plain while only what comes next has to be looked at.

    A subscription is suspended from the end of its connection (`suspended_us`) until the next one, where the backend
    promises to send then what was missed: it stays due, and nothing is decided. What was sent before `resumed_us`, and
    came after it, was recovered: it is counted and not timed, for how long the gap was is a figure of its own.
    """

    __slots__ = (
        *("connection", "conversation", "counts", "cursor", "ended_us", "gaps", "is_plain", "log", "own", "past"),
        *("pre_subscription", "ready_us", "resumed_us", "start", "suspended_us", "written_off"),
    )

    def __init__(self, connection: Connection, conversation: int, log: Log, counts: Counts, own: Connection | None):
        self.connection = connection
        self.conversation = conversation
        self.log = log
        self.counts = counts
        self.own = own
        self.cursor = len(log)
        self.start = log.base + self.cursor
        self.ready_us = NEVER_US
        self.ended_us = NEVER_US
        self.suspended_us = NEVER_US
        self.resumed_us = 0
        self.is_plain = connection.is_timed
        self.gaps: dict[Message, int] = {}
        self.written_off: dict[int, bool] = {}
        self.pre_subscription: set[int] = set()
        self.past: tuple[ClosedSubscription, ...] = ()

    # -- its life ----------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the connection has not left, and is not gone."""
        return self.ended_us == NEVER_US

    def close(self, now_us: int) -> ClosedSubscription | None:
        """The connection left or died: nothing that is intended from now on is due. None if it was never ready."""
        now_us = self.ended_us = min(now_us, self.suspended_us)
        self.suspended_us = NEVER_US
        self.is_plain = False
        if self.ready_us == NEVER_US:
            return None
        closed = ClosedSubscription(replace(self.connection), self.ready_us, now_us, self.written_off)
        oldest_us = now_us - REMEMBER_CLOSED_US
        self.past = (*(each for each in self.past if each.ended_us >= oldest_us), closed)
        return closed

    def reopen(self) -> None:
        """The connection joins again after it left: it waits for nothing that was in the log before."""
        self.skip_all()
        self.ready_us = self.ended_us = NEVER_US
        self.resumed_us = 0
        self.is_plain = self.connection.is_timed

    @property
    def is_suspended(self) -> bool:
        """Whether its connection ended, and what it misses is promised to the next one."""
        return self.suspended_us != NEVER_US

    def suspend(self, now_us: int) -> None:
        """The connection ended. One that ends before it was ready again changes nothing."""
        self.suspended_us = min(now_us, self.suspended_us)
        self.resumed_us = NEVER_US
        self.is_plain = False

    def resume(self, now_us: int) -> None:
        """The next connection is ready: what it missed had no chance until now."""
        self.suspended_us, self.resumed_us = NEVER_US, now_us
        self.gaps = dict.fromkeys(self.gaps, now_us)

    def catch_up(self) -> None:
        """Plain again, once nothing is missing of what was sent before the connection was back."""
        if not self.is_plain and 0 < self.resumed_us < NEVER_US:
            is_behind = any(message.sent_us < self.resumed_us for message in self.missing())
            self.is_plain = self.connection.is_timed and not is_behind

    # -- what is due -------------------------------------------------------------------------------------------------

    def is_ready_at(self, message: Message) -> bool:
        """Whether it is open, and was ready when the message was meant to be sent."""
        return self.is_open and self.ready_us <= message.intended_us

    def is_due(self, message: Message) -> bool:
        """Whether it has to get the message."""
        return self.is_ready_at(message) and message.producer.connection is not self.own

    @property
    def is_waiting(self) -> bool:
        """Whether there are messages of the log that may still come."""
        return self.is_open and not self.is_suspended and (bool(self.gaps) or self.cursor < len(self.log))

    def first_missing(self) -> int:
        """The index in the log of the first message that is not here, or the cursor."""
        return min(map(self.log.index_of, self.gaps)) if self.gaps else self.cursor

    def missing(self) -> list[Message]:
        """The messages of the log that are not here."""
        return [*self.gaps, *self.log.messages[self.cursor :]]

    # -- arrivals ----------------------------------------------------------------------------------------------------

    def take_next(self) -> Message:
        """The message under the cursor arrived."""
        message = self.log.messages[self.cursor]
        self.cursor += 1
        return message

    def arrived(self, message: Message, now_us: int) -> bool:
        """Note a copy of a message of the log; False when there was one already.

        Messages that the cursor passes over are gaps from now on.
        """
        index = self.log.index_of(message)
        if index < self.cursor:
            return self.gaps.pop(message, None) is not None
        for skipped in self.log.messages[self.cursor : index]:
            self.gaps[skipped] = now_us
        self.cursor = index + 1
        return True

    def arrived_early(self, key: int) -> bool:
        """Note a copy of a message older than the subscription, or forgotten; False when there was one already."""
        if key in self.pre_subscription:
            return False
        self.pre_subscription.add(key)
        return True

    def take_back(self, key: int) -> bool | None:
        """A message arrived that may be written off: returns whether it was due; None if it was not written off."""
        return self.written_off.pop(key, None)

    def has(self, message: Message) -> bool:
        """Whether a copy of a message of the log has arrived here."""
        if message.key in self.written_off or message in self.gaps or message.position < 0:
            return False
        if message.position < self.start:
            return message.key in self.pre_subscription
        return self.log.index_of(message) < self.cursor

    def had(self, key: int, intended_us: int) -> bool:
        """Whether a message that left the log has arrived on this connection."""
        if key in self.written_off or key in self.pre_subscription:
            return key in self.pre_subscription
        is_due_now = self.is_open and self.ready_us <= intended_us
        return is_due_now or any(closed.covers(intended_us) for closed in self.past)

    # -- what is missed ----------------------------------------------------------------------------------------------

    def write_off(self, message: Message) -> bool:
        """Do not wait for a message any more; returns whether it was due, and was not written off before."""
        if message.key in self.written_off or message.producer.connection is self.own:
            return False
        is_due = self.written_off[message.key] = self.is_due(message)
        return is_due

    def give_up(self, overtaken_until_us: int, sent_until_us: int) -> Iterator[Message]:
        """The messages that were overtaken, or sent, so long ago, one after the other: write each off."""
        for message in [message for message, since_us in self.gaps.items() if since_us <= overtaken_until_us]:
            del self.gaps[message]
            yield message
        if self.resumed_us > sent_until_us:
            return
        messages = self.log.messages
        while self.cursor < len(messages) and messages[self.cursor].sent_us <= sent_until_us:
            yield messages[self.cursor]
            self.cursor += 1

    def skip_all(self) -> None:
        """Wait for nothing of the log any more."""
        for message in self.missing():
            if message.producer.connection is not self.own:
                self.written_off.setdefault(message.key, False)
        self.gaps.clear()
        self.cursor = len(self.log)

    def forget(self, messages: list[Message]) -> None:
        """These messages left the head of the log. Only a closed subscription can have waited for one of them."""
        self.cursor = max(0, self.cursor - len(messages))
        if self.gaps:
            for message in messages:
                self.gaps.pop(message, None)
        if self.written_off:
            for message in messages:
                if not self.written_off.get(message.key, True):
                    del self.written_off[message.key]
