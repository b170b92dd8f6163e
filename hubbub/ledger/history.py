"""Comparing what anyone has seen with what the backend has stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields

from hubbub.ledger.tag import decode_tag


@dataclass
class History:
    """What reading conversations back has shown, in messages; `conversations` is how many were read, even in part.

    `stored`: this run's messages that are there. `stored_twice`: copies of them beyond the first.
    `delivered_not_stored`: seen, and not there. `not_stored`: sent, never seen, and not there.
    `stored_not_delivered`: there, and never seen. `wanted`: all that were looked for. `unknown`: those of them that a
    reading which was not whole did not find. `too_long`: conversations that were to be compared, and had more messages
    than a sample keeps.
    """

    conversations: int = 0
    stored: int = 0
    delivered_not_stored: int = 0
    not_stored: int = 0
    stored_not_delivered: int = 0
    stored_twice: int = 0
    wanted: int = 0
    unknown: int = 0
    too_long: int = 0

    def add(self, other: History) -> None:
        """Add another worker's comparison to this one."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def stored_keys(contents: Iterable[str], run: int) -> Counter[int]:
    """How often each message of a run stands in the contents of a history, by key."""
    tags = (decode_tag(content) for content in contents)
    return Counter(tag.key for tag in tags if tag is not None and tag.run == run)


def compare(seen: Iterable[int] | None, unseen: Iterable[int], stored: Counter[int], is_whole: bool) -> History:
    """Compare a conversation's history with the keys of messages that were seen by anyone, and of those that were not.

    `seen` is None where they were not kept. What a history lacks that `is_whole` is not stored; else it is unknown.
    """
    seen_keys, unseen_keys = set(seen or ()), set(unseen)
    seen_missing, unseen_missing = seen_keys - stored.keys(), unseen_keys - stored.keys()
    unexpected = unseen_keys & stored.keys() if seen is None else stored.keys() - seen_keys
    return History(
        conversations=1,
        stored=len(stored),
        delivered_not_stored=len(seen_missing) if is_whole else 0,
        not_stored=len(unseen_missing) if is_whole else 0,
        stored_not_delivered=len(unexpected),
        stored_twice=stored.total() - len(stored),
        wanted=len(seen_keys | unseen_keys),
        unknown=0 if is_whole else len(seen_missing | unseen_missing),
    )
