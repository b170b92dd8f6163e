"""Evidence: what is kept of deliveries and messages that were not as they should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubbub.ledger.tag import Tag

if TYPE_CHECKING:
    from hubbub.ledger.conversation import Seat
    from hubbub.ledger.link import Link
    from hubbub.ledger.message import Message

KEPT_OF_EACH = 100
"""How many findings of each class are kept: enough to see a pattern, and no more when everything is broken."""


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
    return f"{message.sender.id}:{message.number}"


class Findings:
    """The first findings of each class, in the order in which they were made."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self._count: dict[str, int] = {}
        self._waiting: list[tuple[Finding, Seat, int]] = []

    def __len__(self) -> int:
        return len(self.kept)

    def _has_room(self, kind: str) -> bool:
        self._count[kind] = self._count.get(kind, 0) + 1
        return self._count[kind] <= KEPT_OF_EACH

    def arrival(self, kind: str, link: Link, now_us: int, what: Message | Tag | None = None) -> None:
        """Something arrived at a link that should not have, or not now or not like this."""
        if not self._has_room(kind):
            return
        finding = _about(kind, what, now_us)
        finding.receiver, finding.account, finding.explanation = link.sender.id, link.account, link.note
        self.kept.append(finding)
        seat = link.seat
        if seat is not None:
            log = seat.conversation.log
            if 0 < seat.cursor <= len(log):
                finding.before = name_of(log[seat.cursor - 1])
            self._waiting.append((finding, seat, seat.conversation.base + seat.cursor))

    def loss(
        self, message: Message, now_us: int, receiver: int, account: int, explanation: str, seat: Seat | None
    ) -> None:
        """A delivery is lost. Its neighbours are those of the log that the receiver has."""
        if not self._has_room("lost"):
            return
        finding = _about("lost", message, now_us)
        finding.receiver, finding.account, finding.explanation = receiver, account, explanation
        if seat is not None:
            index = message.position - seat.conversation.base
            log = seat.conversation.log
            finding.before = next((name_of(near) for near in reversed(log[:index]) if seat.has(near)), "")
            finding.after = next((name_of(near) for near in log[index + 1 : seat.cursor] if seat.has(near)), "")
        self.kept.append(finding)

    def vanished(self, message: Message, now_us: int, explanation: str) -> None:
        """Nobody has seen a message, and nobody has refused it."""
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

        At a seat that has ended nothing comes next.
        """
        still_waiting = []
        for finding, seat, position in self._waiting:
            if seat.has_ended:
                continue
            log, index = seat.conversation.log, max(0, position - seat.conversation.base)
            came = next((message for message in log[index : seat.cursor] if seat.has(message)), None)
            if came is None:
                still_waiting.append((finding, seat, position))
            else:
                finding.after = name_of(came)
        self._waiting = still_waiting


def _about(kind: str, what: Message | Tag | None, now_us: int) -> Finding:
    """A finding about a message, of which the tag alone may be known, or nothing."""
    if what is None:
        return Finding(kind, now_us)
    if isinstance(what, Tag):
        sent_us = what.intended_us + what.lag_us
        return Finding(kind, now_us, what.conversation, what.sender, what.number, what.intended_us, sent_us)
    conversation, sender = what.conversation.index, what.sender.id
    return Finding(kind, now_us, conversation, sender, what.number, what.intended_us, what.sent_us)
