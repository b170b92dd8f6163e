"""The producers of one worker: connections that may have sent a message that the ledger still remembers."""

from __future__ import annotations

from collections.abc import Iterator

from hubbub.ledger.connection import Connection
from hubbub.ledger.message import Message, Producer


class Producers:
    """Numbers producers from `first_id` on; forgets those whose connection is gone and whose messages are decided."""

    def __init__(self, first_id: int) -> None:
        self._next_id = first_id
        self._known: dict[int, Producer] = {}
        self._dead: list[Producer] = []

    def __iter__(self) -> Iterator[Producer]:
        return iter(self._known.values())

    def open(self, account: int, resumed: Connection | None = None) -> Producer:
        """A new producer, for a new connection of an account, or for one that goes on where another one ended."""
        number = self._next_id
        producer = self._known[number] = Producer(resumed or Connection(number, account), number)
        self._next_id += 1
        return producer

    def get(self, producer_id: int) -> Producer | None:
        """The producer of a number; None if it is not known, or forgotten."""
        return self._known.get(producer_id)

    def close(self, producer: Producer, now_us: int, is_ours: bool) -> None:
        """A producer's connection is gone; `is_ours`: the generator may have ended it."""
        producer.died_us, producer.is_death_ours = now_us, is_ours
        self._dead.append(producer)

    def pending(self) -> Iterator[Message]:
        """All unseen messages."""
        return (message for producer in self for message in producer.pending.values())

    def forget_dead(self) -> None:
        """Forget the producers that are gone and have no message left."""
        for producer in self._dead:
            if not producer.messages:
                self._known.pop(producer.id, None)
        self._dead = [producer for producer in self._dead if producer.messages]
