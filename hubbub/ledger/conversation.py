"""A conversation: its log of messages, and the subscriptions through which connections follow it."""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort

from hubbub.ledger.connection import Connection
from hubbub.ledger.counts import Counts
from hubbub.ledger.log import Log
from hubbub.ledger.message import NEVER_US, Message
from hubbub.ledger.subscription import REMEMBER_CLOSED_US, ClosedSubscription, Subscription
from hubbub.ledger.typing_states import TypingStates


class Conversation:
    """One conversation of this worker. `index` names it in tags, `id` is the backend's name for it.

    `has_echo` says whether the backend sends a message back to its sender. `members` are the account indexes that may
    receive it. `counts` count its messages and deliveries. `seen` are the keys of all messages that anyone has seen, in
    a conversation that will be compared with its history: 8 bytes each. `is_read_back`: its history was read.
    """

    __slots__ = (
        *("_absent", "_closed", "_most_seen", "_open_ready_us", "_subscriptions", "counts", "has_echo", "id"),
        *("index", "is_read_back", "log", "members", "seen", "typing"),
    )

    def __init__(self, index: int, backend_id: str | int, members: frozenset[int], has_echo: bool) -> None:
        self.index = index
        self.id = backend_id
        self.members = members
        self.has_echo = has_echo
        self.log = Log()
        self.counts = Counts()
        self.typing = TypingStates(self.counts)
        self.is_read_back = False
        self.seen: array[int] | None = None
        self._most_seen: int | None = None
        self._absent: dict[int, int] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._closed: list[ClosedSubscription] = []
        self._open_ready_us: list[int] = []

    def __repr__(self) -> str:
        subscriptions, messages = len(self._subscriptions), len(self.log)
        return f"<Conversation {self.index}: {subscriptions} subscriptions, {messages} messages from {self.log.base}>"

    # -- members -----------------------------------------------------------------------------------------------------

    def ended_membership(self, account: int, now_us: int) -> None:
        """The backend confirmed that an account is no member any more: it must not get what is sent from now on."""
        self._absent[account] = now_us

    def may_be_member(self, account: int) -> None:
        """An account asks to become a member again."""
        self._absent.pop(account, None)

    def has_member(self, account: int, since_us: int) -> bool:
        """Whether an account may have been a member at any time from then on."""
        ended_us = self._absent.get(account)
        return account in self.members and (ended_us is None or since_us <= ended_us)

    # -- what was seen -----------------------------------------------------------------------------------------------

    def remember_seen(self, at_most: int | None = None) -> None:
        """Remember the key of every message that anyone sees, to compare them with the history.

        Where there are more than `at_most`, none: a long run must not fill the memory.
        """
        self.seen, self._most_seen = array("Q"), at_most

    @property
    def is_too_long(self) -> bool:
        """Whether it was to be compared with its history, and is not, because there was more than `at_most`."""
        return self.seen is None and self._most_seen is not None

    def saw(self, key: int) -> None:
        """A message was seen for the first time."""
        if self.seen is not None:
            self.seen.append(key)
            if self._most_seen is not None and len(self.seen) > self._most_seen:
                self.seen = None

    # -- subscriptions -----------------------------------------------------------------------------------------------

    @property
    def subscriptions(self) -> list[Subscription]:
        """Those of all connections that are there, also closed ones: something may still arrive."""
        return list(self._subscriptions.values())

    def find(self, connection: int) -> Subscription | None:
        """The subscription of a connection, by its id."""
        return self._subscriptions.get(connection)

    def subscribe(self, connection: Connection) -> Subscription:
        """A connection asks to join, or receives through its account. It is not ready yet.

        There is one subscription for each connection; one that was closed is open again.
        """
        subscription = self._subscriptions.get(connection.id)
        if subscription is None:
            own = None if self.has_echo else connection
            subscription = Subscription(connection, self.index, self.log, self.counts, own)
            self._subscriptions[connection.id] = subscription
        elif not subscription.is_open:
            subscription.reopen()
        return subscription

    def ready(self, subscription: Subscription, now_us: int) -> None:
        """The backend confirmed the join: from now on messages are due, or still are."""
        self.typing.listen(subscription.connection, now_us)
        if subscription.is_suspended:
            subscription.resume(now_us)
            return
        subscription.ready_us = now_us
        insort(self._open_ready_us, now_us)

    def suspend(self, subscription: Subscription, now_us: int) -> bool:
        """The connection ended, and what it misses is promised to the next one; False if it was not ready."""
        if subscription.is_open and subscription.ready_us != NEVER_US:
            self.typing.stop_listening(subscription.connection)
            subscription.suspend(now_us)
        return subscription.is_suspended

    def close(self, subscription: Subscription, now_us: int) -> None:
        """The connection left or died: nothing that is intended from now on is due."""
        closed = subscription.close(now_us)
        self.typing.stop_listening(subscription.connection)
        if closed is not None:
            del self._open_ready_us[bisect_right(self._open_ready_us, closed.ready_us) - 1]
            self._closed.append(closed)

    def remove(self, subscription: Subscription) -> None:
        """The connection is gone: nothing can arrive any more."""
        del self._subscriptions[subscription.connection.id]

    # -- messages ----------------------------------------------------------------------------------------------------

    def open_due(self, message: Message) -> int:
        """How many open subscriptions were ready at the message's intended time; without an echo, not its sender's."""
        due = bisect_right(self._open_ready_us, message.intended_us)
        if not self.has_echo:
            own = self.find(message.producer.connection.id)
            due -= own is not None and own.is_ready_at(message)
        return due

    def closed_due(self, message: Message) -> list[ClosedSubscription]:
        """The closed subscriptions that were ready at the message's intended time."""
        never = None if self.has_echo else message.producer.connection.id
        return [each for each in self._closed if each.covers(message.intended_us) and each.connection.id != never]

    def trim(self, sent_before_us: int, now_us: int) -> None:
        """Forget the messages at the head of the log that were sent before a time and that no subscription waits for.

        Subscriptions that were closed a while ago are forgotten, too.
        """
        self._closed = [each for each in self._closed if now_us - each.ended_us <= REMEMBER_CLOSED_US]
        waiting = (each.first_missing() for each in self._subscriptions.values() if each.is_open)
        keep_from = min(waiting, default=len(self.log))
        messages, count = self.log.messages, 0
        while count < keep_from and messages[count].sent_us < sent_before_us:
            count += 1
        if count:
            forgotten = self.log.trim(count)
            for message in forgotten:
                message.producer.forget(message)
            for subscription in self._subscriptions.values():
                subscription.forget(forgotten)
