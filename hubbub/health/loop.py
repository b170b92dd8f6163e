"""How late this process's event loop is: a heartbeat that knows when it should have come.

What arrives while the loop is late is read late, and a wait that ends meanwhile seems longer than it was. So whatever
was timed or judged by this loop can ask here for how much of that time the loop may have been late.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from hubbub.clock import Scheduler, Task
from hubbub.metrics.histogram import Histogram

logger = logging.getLogger(__name__)

BEAT_US = 20_000
"""The shortest stall that is always seen. 50 wake-ups a second cost a thousandth of a core."""

LATE_US = 1_000
"""A beat that comes later than this had a gap before it: the whole time since the beat before it."""

LONG_STALL_US = 1_000_000
"""A stall that a backend may notice: the shortest ping timeouts are a few seconds, of which it takes a good part."""

PATIENCE_US = 10_000_000
"""For so long after a long stall, a connection that the backend closes may have been closed because of it: backends
close connections that are silent, or that take nothing, for 3 to 10 s."""

MAX_GAPS = 5_000
"""All gaps of 100 s, if every beat is late."""


class LoopWatch:
    """Beats from `start` to `stop`, and calls `on_beat` each time. `lag`, if set, gets the lateness of every beat."""

    def __init__(self, scheduler: Scheduler, on_beat: Callable[[], None]) -> None:
        self._scheduler = scheduler
        self._clock = scheduler.now_us
        self._on_beat = on_beat
        self._gaps: deque[tuple[int, int]] = deque(maxlen=MAX_GAPS)
        self._beat_us = self._clock()
        self._worst_us = 0
        self.long_stall_ended_us = 0
        self._beating: Task | None = None
        self.lag: Histogram | None = None
        self.failures = 0

    def start(self) -> None:
        """Begin to beat."""
        self._beat_us = self._clock()
        self._beating = self._scheduler.spawn(self._run)

    def stop(self) -> None:
        """Stop beating. Idempotent."""
        if self._beating is not None:
            self._beating.kill(block=False)
            self._beating = None

    def _run(self) -> None:
        while True:
            self._scheduler.sleep(BEAT_US / 1e6)
            self.beat()
            try:
                self._on_beat()
            except Exception:
                self.failures += 1
                if self.failures == 1:  # the others would say the same, 50 times a second
                    logger.exception("The heartbeat of the event loop failed; it goes on.")

    def beat(self) -> None:
        """Note how late the loop is now."""
        now_us = self._clock()
        late_us = max(0, now_us - self._beat_us - BEAT_US)
        if late_us > LATE_US:
            self._gaps.append((self._beat_us, now_us))
        if late_us >= LONG_STALL_US:
            self.long_stall_ended_us = now_us
        if self.lag is not None:
            self.lag.record(late_us)
        self._worst_us = max(self._worst_us, late_us)
        self._beat_us = now_us

    @property
    def late_us(self) -> int:
        """How late the next beat is already; 0 while it is not due."""
        return max(0, self._clock() - self._beat_us - BEAT_US)

    def take_worst_us(self) -> int:
        """The worst lateness since the last call, a beat that has not come yet included."""
        worst_us, self._worst_us = max(self._worst_us, self.late_us), 0
        return worst_us

    def gaps_us(self, from_us: int, to_us: int) -> int:
        """For how much of the time between two times the loop may have been late.

        A stall since the last beat is not known yet, so that time counts. A stall shorter than the time between two
        beats may fall between them and is not known at all: add BEAT_US for each wait that may have had one.
        """
        total_us = max(0, to_us - max(from_us, self._beat_us))
        for began_us, ended_us in reversed(self._gaps):
            if ended_us <= from_us:
                break
            total_us += max(0, min(ended_us, to_us) - max(began_us, from_us))
        return total_us

    def has_stalled(self, since_us: int) -> bool:
        """Whether a stall of over a second has ended since a time, or goes on."""
        return self.late_us >= LONG_STALL_US or 0 < self.long_stall_ended_us >= since_us

    def may_have_been_given_up(self) -> bool:
        """Whether a backend may close connections now, because the loop had stalled for too long."""
        return self.has_stalled(self._clock() - PATIENCE_US)
