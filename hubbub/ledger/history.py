"""Comparing what anyone has seen with what the backend has stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields

from hubbub.ledger.tag import decode_tag


@dataclass
class History:
    """What reading conversations back has shown, in messages; `conversations` is how many were read.

    `stored`: this run's messages that are there. `stored_twice`: copies of them beyond the first.
    `delivered_not_stored`: seen, and not there. `stored_not_delivered`: there, and never seen.
    """

    conversations: int = 0
    stored: int = 0
    delivered_not_stored: int = 0
    stored_not_delivered: int = 0
    stored_twice: int = 0

    def add(self, other: History) -> None:
        """Add another worker's comparison to this one."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def stored_keys(contents: Iterable[str], run: int) -> Counter[int]:
    """How often each message of a run stands in the contents of a history, by key."""
    tags = (decode_tag(content) for content in contents)
    return Counter(tag.key for tag in tags if tag is not None and tag.run == run)


def compare(seen: Iterable[int], stored: Counter[int]) -> History:
    """Compare the keys of messages that were seen by anyone, each once, with a conversation's history."""
    seen = set(seen)
    return History(
        conversations=1,
        stored=len(stored),
        delivered_not_stored=len(seen - stored.keys()),
        stored_not_delivered=len(stored.keys() - seen),
        stored_twice=stored.total() - len(stored),
    )
