"""What a ledger has counted and timed until now."""

from __future__ import annotations

from hubbub.ledger.arrivals import Arrivals
from hubbub.ledger.conversation import Conversation
from hubbub.ledger.counts import Counts
from hubbub.ledger.frame_types import FrameTypes
from hubbub.ledger.latency_recorder import LatencyRecorder
from hubbub.ledger.message import Timings
from hubbub.ledger.producers import Producers


class Tally:
    """The figures of a ledger, which decides what they are: see ledger.py."""

    conversations: dict[int, Conversation]
    _arrivals: Arrivals
    _latencies: LatencyRecorder
    _producers: Producers

    @property
    def latencies(self) -> LatencyRecorder:
        """What was counted and timed until now."""
        self.flush()
        return self._latencies

    @property
    def counts(self) -> Counts:
        """What was counted until now, in all conversations and in none."""
        self.flush()
        total = Counts()
        total.add(self._arrivals.stray)
        for conversation in self.conversations.values():
            total.add(conversation.counts)
        return total

    @property
    def timings(self) -> Timings:
        """What was timed until now, in a set of its own."""
        timings = Timings()
        timings.merge(self.latencies.timings)
        timings.merge(self._latencies.second)
        return timings

    @property
    def frame_types(self) -> FrameTypes:
        """The frames until now that the contract makes nothing of."""
        return self._arrivals.frame_types

    def conversation_counts(self) -> dict[int, Counts]:
        """What was counted until now, by the conversation's index."""
        self.flush()
        return {index: conversation.counts for index, conversation in self.conversations.items()}

    def flush(self) -> None:
        """Take all arrivals into the figures that are not there yet."""
        for conversation in self.conversations.values():
            self.flush_conversation(conversation)

    def flush_conversation(self, conversation: Conversation) -> None:
        """Take one conversation's arrivals into the figures: a part of `flush` that takes only a moment."""
        conversation.log.flush(self._latencies)

    def close_second(self, has_low_ends: bool) -> None:
        """A second is over; without low ends the receive stamps of it cannot be believed."""
        self.latencies.close_second(has_low_ends)
        if not has_low_ends:
            for conversation in self.conversations.values():
                for message in conversation.log.messages:
                    message.low_us = 0

    def in_flight(self) -> int:
        """How many due deliveries of sent messages have not arrived."""
        seen = sum(conversation.log.in_flight for conversation in self.conversations.values())
        pending = self._producers.pending()
        return seen + sum(self.conversations[message.conversation].open_due(message) for message in pending)

    def skip_warmup(self, until_us: int) -> None:
        """Leave messages intended before a time out of the time series. The counts have them all."""
        self._latencies.skip_warmup(until_us)
