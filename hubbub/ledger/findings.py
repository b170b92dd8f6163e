"""Evidence: what is kept of deliveries and messages that were not as they should be."""

from __future__ import annotations

from dataclasses import dataclass

from hubbub.ledger.connection import Connection
from hubbub.ledger.message import Message
from hubbub.ledger.subscription import Subscription
from hubbub.ledger.tag import Tag

MAX_OF_EACH = 100
"""How many findings of each class are kept: enough to see a pattern; more would only fill the memory."""


FOLLOW_US = 2_000_000
"""How long a finding waits for what comes next at its receiver: as long as everyone's messages are remembered."""


@dataclass(slots=True)
class Finding:
    """One anomaly. Times in microseconds of CLOCK_MONOTONIC, `at_us` is when it was found; -1 for what is not known.

    A message is named by its sender connection and number; `receiver` is the receiving connection as a sender,
    `account` its account. `before` and `after` name what the receiver got just before and just after, or "".
    """

    kind: str
    at_us: int
    conversation: int = -1
    sender: int = -1
    number: int = -1
    intended_us: int = -1
    sent_us: int = -1
    receiver: int = -1
    account: int = -1
    before: str = ""
    after: str = ""
    explanation: str = ""


def name_of(message: Message) -> str:
    """A message as `sender:number`."""
    return f"{message.producer.id}:{message.number}"


class Findings:
    """The first findings of each class, in the order in which they were made."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self._count: dict[str, int] = {}
        self._waiting: list[tuple[Finding, Subscription, int]] = []

    def __len__(self) -> int:
        return len(self.kept)

    def _has_room(self, kind: str) -> bool:
        self._count[kind] = self._count.get(kind, 0) + 1
        return self._count[kind] <= MAX_OF_EACH

    def arrival(
        self,
        kind: str,
        connection: Connection,
        subscription: Subscription | None,
        now_us: int,
        what: Message | Tag | None = None,
    ) -> None:
        """Something arrived that should not have, or not now or not like this. `subscription` has its neighbours."""
        if not self._has_room(kind):
            return
        finding = _about(kind, what, now_us)
        _name_receiver(finding, connection)
        self.kept.append(finding)
        if subscription is not None:
            log, cursor = subscription.log, subscription.cursor
            if 0 < cursor <= len(log):
                finding.before = name_of(log.messages[cursor - 1])
            self._waiting.append((finding, subscription, log.base + cursor))

    def loss(self, message: Message, now_us: int, connection: Connection, subscription: Subscription | None) -> None:
        """A delivery is lost. Its neighbours are those of the log that the receiver has."""
        if not self._has_room("lost"):
            return
        finding = _about("lost", message, now_us)
        _name_receiver(finding, connection)
        if subscription is not None:
            index, messages, has = subscription.log.index_of(message), subscription.log.messages, subscription.has
            finding.before = next((name_of(near) for near in reversed(messages[:index]) if has(near)), "")
            after = messages[index + 1 : subscription.cursor]
            finding.after = next((name_of(near) for near in after if has(near)), "")
        else:
            finding.explanation = finding.explanation or "the connection ended"
        self.kept.append(finding)

    def vanished(self, message: Message, now_us: int, explanation: str) -> None:
        """A message was never seen, and never refused."""
        if self._has_room("vanished"):
            finding = _about("vanished", message, now_us)
            finding.explanation = explanation
            self.kept.append(finding)

    def settled(self, now_us: int, are_all: bool) -> list[Finding]:
        """The findings that nothing will be added to any more, in order: all, or those that are a while old."""
        if are_all:
            return self.kept
        count = len(self.kept)
        while count and now_us - self.kept[count - 1].at_us < FOLLOW_US:
            count -= 1
        return self.kept[:count]

    def follow(self) -> None:
        """Fill in what came next at receivers where something came next. Call it as often as the log is trimmed.

        At a subscription that has ended nothing comes next.
        """
        still_waiting = []
        for finding, subscription, position in self._waiting:
            if not subscription.is_open:
                continue
            log = subscription.log
            later = log.messages[max(0, position - log.base) : subscription.cursor]
            came = next((message for message in later if subscription.has(message)), None)
            if came is None:
                still_waiting.append((finding, subscription, position))
            else:
                finding.after = name_of(came)
        self._waiting = still_waiting


def _name_receiver(finding: Finding, connection: Connection) -> None:
    finding.receiver, finding.account, finding.explanation = connection.id, connection.account, connection.note


def _about(kind: str, what: Message | Tag | None, now_us: int) -> Finding:
    """A finding about a message, of which the tag alone may be known, or nothing."""
    if what is None:
        return Finding(kind, now_us)
    if isinstance(what, Tag):
        sent_us = what.intended_us + what.lag_us
        return Finding(kind, now_us, what.conversation, what.sender, what.number, what.intended_us, sent_us)
    return Finding(kind, now_us, what.conversation, what.producer.id, what.number, what.intended_us, what.sent_us)
