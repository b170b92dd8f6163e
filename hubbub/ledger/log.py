"""A conversation's messages in the order in which this worker first saw them."""

from __future__ import annotations

from hubbub.ledger.latency_recorder import LatencyRecorder
from hubbub.ledger.message import Message

FLUSHED_AT_ONCE = 8


class Log:
    """An optimisation, never the reference: whether an arrival is in order is judged per sender.

    `messages` is the same list as long as the log lives. A message's position is its index plus `base`, which grows
    when messages leave the head of the log.
    """

    __slots__ = ("_flushed_until", "base", "messages")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.base = 0
        self._flushed_until = 0

    def __len__(self) -> int:
        return len(self.messages)

    def index_of(self, message: Message) -> int:
        """Where a message stands in the list."""
        return message.position - self.base

    def append(self, message: Message) -> None:
        """Give a message its position.

        A message that was overtaken by a later one of its producer is never matched on the fast path, because whether
        it is in order has to be looked at for each receiver.
        """
        message.position = self.base + len(self.messages)
        self.messages.append(message)
        if message.producer.last_confirmed > message.number:
            message.forget_bytes()

    def trim(self, count: int) -> list[Message]:
        """Take so many messages off the head; returns them."""
        forgotten = self.messages[:count]
        del self.messages[:count]
        self.base += count
        return forgotten

    def flush(self, latencies: LatencyRecorder) -> None:
        """Take all new arrivals into the figures."""
        for message in self.messages:
            if message.arrivals:
                latencies.flush(message)

    def flush_some(self, latencies: LatencyRecorder) -> None:
        """Another message comes: take in arrivals of the oldest ones, a few now instead of everything once a second."""
        index = max(0, self._flushed_until - self.base)
        for message in self.messages[index : index + FLUSHED_AT_ONCE]:
            if message.arrivals:
                if not latencies.is_ready(message):
                    break
                latencies.flush(message)
            index += 1
        self._flushed_until = self.base + index

    @property
    def in_flight(self) -> int:
        """How many due deliveries have not arrived; without those of messages that can never be complete."""
        return sum(max(0, message.remaining - len(message.arrivals)) for message in self.messages)
