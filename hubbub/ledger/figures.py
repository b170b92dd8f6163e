"""The ledger's times: those of all seconds, of the clean ones, and of the present one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.ledger.message import Message, Timings

if TYPE_CHECKING:
    from hubbub.ledger.conversation import Conversation

INCOMPLETE = -(1 << 40)
"""Added to a message's count of remaining deliveries when one is lost: its room will never be complete."""


class Figures:
    """Takes in what became of deliveries, and counts it in their conversations.

    `second` is what was timed since the last `close_second`.
    A loss belongs to no second: it enters `timings`, and `clean` if the generator was healthy while it could have come.
    """

    def __init__(self) -> None:
        self.timings = Timings()
        self.clean = Timings()
        self.second = Timings()
        self.last_first_arrival_us = 0
        self._warmup = Timings()
        self._warmup_until_us = 0

    def skip_warmup(self, until_us: int) -> None:
        """Leave messages intended before a time out of the time series. The counts have them all."""
        self._warmup_until_us = until_us

    def timings_for(self, intended_us: int) -> Timings:
        """Where the times of a message intended for `intended_us` go."""
        return self._warmup if intended_us < self._warmup_until_us else self.second

    def close_second(self, is_clean: bool) -> None:
        """A second is over, in which the generator was healthy or not."""
        self.timings.merge(self.second)
        if is_clean:
            self.clean.merge(self.second)
        self.second.clear()

    def settle(self, message: Message) -> None:
        """Take a message's new arrivals in: many at once, for less than half of what one by one costs."""
        arrivals, timings = message.arrivals, message.timings
        count, message.last_us = len(arrivals), arrivals[-1]
        message.conversation.counts.delivered += count
        timings.response.record_since(message.intended_us, arrivals)
        timings.delivery.record_since(message.sent_us, arrivals)
        arrivals.clear()
        self.last_first_arrival_us = max(self.last_first_arrival_us, message.last_us)
        message.remaining -= count
        self._complete(message)

    def untimed(self, message: Message, now_us: int) -> None:
        """A due first copy arrived at a connection whose times do not count: its room is as quick as the others."""
        message.conversation.counts.delivered += 1
        self.last_first_arrival_us = max(self.last_first_arrival_us, now_us)
        message.remaining -= 1
        self._complete(message)

    def optional(self, conversation: Conversation, now_us: int) -> None:
        """A first copy arrived at a connection that was not due it."""
        conversation.counts.optional += 1
        self.last_first_arrival_us = now_us

    def excused(self, message: Message) -> None:
        """A due delivery will not come, and nobody is to blame."""
        message.conversation.counts.excused += 1
        message.remaining -= 1
        self._complete(message)

    def lost(self, message: Message, now_us: int, is_clean: bool, is_timed: bool) -> None:
        """A due delivery will not come. Its times are at least what they are now, if they count."""
        message.conversation.counts.lost += 1
        message.conversation.counts.lost_unclean += not is_clean
        if not is_timed:
            message.remaining -= 1
            self._complete(message)
            return
        if message.timings is self.second:
            for timings in (self.timings, self.clean)[: 1 + is_clean]:
                timings.response.censor(now_us - message.intended_us)
                timings.delivery.censor(now_us - message.sent_us)
                if message.remaining > 0:
                    timings.room_complete.censor(now_us - message.intended_us)
        message.remaining += INCOMPLETE

    def _complete(self, message: Message) -> None:
        """Time the whole room, when the last due delivery of a message has arrived or is excused."""
        if message.remaining == 0 and message.last_us:
            message.timings.room_complete.record(message.last_us - message.intended_us)
