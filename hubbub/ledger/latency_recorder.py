"""The ledger's times: those of all seconds that are over, and of the present one."""

from __future__ import annotations

from typing import Protocol

from hubbub.ledger.counts import Counts
from hubbub.ledger.message import Message, Timings
from hubbub.metrics.histogram import Histogram

INCOMPLETE = -(1 << 40)
"""Added to a message's count of remaining deliveries when one is lost: it will never be complete."""


class BackendWait(Protocol):
    """What a backend waited for a core while it could run, where that is known."""

    def knows(self, until_us: int) -> bool:
        """Whether the waits until a time are known already."""

    def waited_us(self, from_us: int, to_us: int) -> int:
        """How long it waited from one time to another, at most. May have to look first."""


class NoWait:
    """The wait of a backend whose process is not known: nothing is taken off its times."""

    def knows(self, _until_us: int) -> bool:
        return True

    def waited_us(self, _from_us: int, _to_us: int) -> int:
        return 0


class LatencyRecorder:
    """Counts the outcomes of deliveries in their conversations, and records their times.

    `second` is what was timed since the last `close_second`.
    """

    def __init__(self, backend_wait: BackendWait) -> None:
        self._backend_wait = backend_wait
        self.timings = Timings()
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

    def close_second(self, has_low_ends: bool) -> None:
        """A second is over; without low ends all that is known of each of its times is that it was not negative."""
        if not has_low_ends:
            self.second.low.void()
            self.second.room_low.void()
            self.second.recovery_low.void()
        self.timings.merge(self.second)
        self.second.clear()

    def is_ready(self, message: Message) -> bool:
        """Whether the new arrivals of a message can be taken in without one more look at the backend."""
        return self._backend_wait.knows(message.arrivals[-1])

    def flush(self, message: Message) -> None:
        """Take a message's new arrivals in: many at once, for less than half of what one by one costs."""
        arrivals, timings = message.arrivals, message.timings
        count, message.last_us = len(arrivals), arrivals[-1]
        message.counts.delivered += count
        timings.response.record_since(message.intended_us, arrivals)
        timings.delivery.record_since(message.sent_us, arrivals)
        self._flush_low(message)
        arrivals.clear()
        self.last_first_arrival_us = max(self.last_first_arrival_us, message.last_us)
        message.remaining -= count
        self._complete(message)

    def _flush_low(self, message: Message) -> None:
        """Low ends: what is left without the time before the message was tried, and without the backend's own wait.

        The wait is that until the receipt. Until the arrival would be too little where that is only known to be after
        some time: a wait that went on then, and ended with the send, counts when it ends. One wait serves for arrivals
        that are close together; where it grew between them, each has its own.
        """
        arrivals, arrived = message.arrivals, message.arrived
        tried_us, wait_us = message.tried_us, self._backend_wait.waited_us
        low = message.timings.low.within(message.tolerance_us)
        waited_us = wait_us(tried_us, arrivals[-1])
        if waited_us and wait_us(tried_us, arrivals[0]) != waited_us:
            pairs = zip(arrivals, arrived, strict=True)
            arrived[:] = [arrived_us - wait_us(tried_us, now_us) for now_us, arrived_us in pairs]
            waited_us = 0
        low.record_since(tried_us + waited_us, arrived)
        message.low_us = max(message.low_us, max(arrived) - waited_us - tried_us)
        arrived.clear()

    def untimed(self, message: Message, now_us: int) -> None:
        """A due first copy arrived at a connection whose times do not count: the others time the conversation."""
        message.counts.delivered += 1
        self.last_first_arrival_us = max(self.last_first_arrival_us, now_us)
        message.remaining -= 1
        self._complete(message)

    def recovered(self, message: Message, now_us: int, arrived_us: int, resumed_us: int) -> None:
        """A due first copy that a connection had missed arrived: it is timed from when that was ready again."""
        since_us = min(now_us, resumed_us)
        message.timings.recovery.record(now_us - since_us)
        message.timings.recovery_low.within(message.tolerance_us).record(max(0, arrived_us - since_us))
        self.untimed(message, now_us)

    def optional(self, counts: Counts, now_us: int) -> None:
        """A first copy arrived at a connection that was not due it."""
        counts.optional += 1
        self.last_first_arrival_us = now_us

    def excused(self, message: Message) -> None:
        """A due delivery will not come, for a reason that is no fault."""
        message.counts.excused += 1
        message.remaining -= 1
        self._complete(message)

    def lost(self, message: Message, now_us: int, is_proven: bool, is_timed: bool) -> None:
        """A due delivery will not come. Its times are at least what they are now, if they count.

        If the generator may have caused it, its low end is 0: it might have come at once.
        """
        message.counts.lost += 1
        message.counts.lost_unproven += not is_proven
        if not is_timed:
            message.remaining -= 1
            self._complete(message)
            return
        timings, tolerance_us = message.timings, message.tolerance_us
        timings.response.censor(now_us - message.intended_us)
        timings.delivery.censor(now_us - message.sent_us)
        _miss_low(timings.low.within(tolerance_us), now_us - message.tried_us, is_proven)
        if message.remaining > 0:
            timings.room_complete.censor(now_us - message.intended_us)
            _miss_low(timings.room_low.within(tolerance_us), now_us - message.tried_us, is_proven)
        message.remaining += INCOMPLETE

    def _complete(self, message: Message) -> None:
        """Time the whole conversation, when the last due delivery of a message has arrived or is excused."""
        if message.remaining == 0 and message.last_us:
            message.timings.room_complete.record(message.last_us - message.intended_us)
            message.timings.room_low.within(message.tolerance_us).record(message.low_us)


def _miss_low(low: Histogram, age_us: int, is_proven: bool) -> None:
    """The low end of what did not come."""
    if is_proven:
        low.censor(age_us)
    else:
        low.record(0)
