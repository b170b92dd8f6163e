"""The senders of one worker: every connection that may have sent a message that the ledger still remembers."""

from __future__ import annotations

from collections.abc import Iterator

from hubbub.ledger.message import Message, Sender


class Senders:
    """Numbers senders from `first_id` on, and forgets those whose connection is gone and whose messages are decided."""

    def __init__(self, first_id: int) -> None:
        self._next_id = first_id
        self._known: dict[int, Sender] = {}
        self._dead: list[Sender] = []

    def __iter__(self) -> Iterator[Sender]:
        return iter(self._known.values())

    def open(self) -> Sender:
        """A new sender, for a new connection."""
        sender = self._known[self._next_id] = Sender(self._next_id)
        self._next_id += 1
        return sender

    def get(self, sender_id: int) -> Sender | None:
        """The sender of a number; None if it is not known, or forgotten."""
        return self._known.get(sender_id)

    def close(self, sender: Sender, now_us: int, is_ours: bool) -> None:
        """A sender's connection is gone; `is_ours`: the generator may have ended it."""
        sender.died_us, sender.is_death_ours, sender.link = now_us, is_ours, None
        self._dead.append(sender)

    def pending(self) -> Iterator[Message]:
        """All messages that nobody has seen."""
        return (message for sender in self for message in sender.pending.values())

    def forget_dead(self) -> None:
        """Forget the senders that are gone and have no message left."""
        for sender in self._dead:
            if not sender.messages:
                del self._known[sender.id]
        self._dead = [sender for sender in self._dead if sender.messages]
