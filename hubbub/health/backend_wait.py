"""How long a backend on this machine was ready to run and had no core: its lateness is the machine's, then.

Linux counts it for every thread (proc(5), schedstat). A wait counts when it ends, so the sum after an arrival has all
that came before it.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from hubbub.clock import Clock

MAX_US, TRIM_AT = 120_000_000, 1_000
"""Samples of two minutes are kept: longer than a delivery can be on its way. So many old ones go at a time."""

MIN_INTERVAL_COSTS = 50
"""A sample of many threads takes long: 50 times as long passes between two, so that they take at most 2 % of a core."""

MAX_ASKED_COST_US = 200
"""A sample that takes longer is taken only when it is due, not on request."""

PROC = "/proc"

Read = Callable[[], dict[str, int]]
"""For each thread, how long it has waited since it began, in microseconds."""


class BackendWait:
    """The waits of all threads together. Call `sample` 50 times a second.

    A wait that goes on is in no sum yet, so a time can be judged only when a sample was taken after it: ask `knows`.
    A thread that ends between two samples takes what it waited since the first of them with it.
    """

    def __init__(self, clock: Clock, read: Read) -> None:
        self._clock = clock
        self._read = read
        self._of_threads: dict[str, int] = {}
        self._total_us = 0
        self._began: list[int] = []
        self._ended: list[int] = []
        self._totals: list[int] = []
        self._sample()

    def sample(self) -> None:
        """Read the waits now, unless that was done a moment ago."""
        cost_us = self._ended[-1] - self._began[-1]
        if self._clock() - self._ended[-1] >= MIN_INTERVAL_COSTS * cost_us:
            self._sample()

    def _sample(self) -> None:
        """A thread that is gone keeps what it had. The sum is that of some time between the beginning and the end."""
        known = self._of_threads
        self._began.append(self._clock())
        self._of_threads = self._read()
        for thread, waited_us in self._of_threads.items():
            self._total_us += max(0, waited_us - known.get(thread, 0))
        self._ended.append(self._clock())
        self._totals.append(self._total_us)
        old = bisect_left(self._ended, self._ended[-1] - MAX_US)
        if old > TRIM_AT:
            del self._began[:old], self._ended[:old], self._totals[:old]

    def knows(self, until_us: int) -> bool:
        """Whether `waited_us` can tell of a time without one more sample."""
        return until_us <= self._began[-1]

    def waited_us(self, from_us: int, to_us: int) -> int:
        """At most how long the backend waited from one time to another: what the samples around them tell.

        All the time, if that is not known yet and a sample would take too long.
        """
        if to_us <= from_us:
            return 0
        if not self.knows(to_us):
            if self._ended[-1] - self._began[-1] > MAX_ASKED_COST_US:
                return to_us - from_us
            self._sample()
        before = bisect_right(self._ended, from_us) - 1
        after = bisect_left(self._began, to_us)
        return self._totals[after] - (self._totals[before] if before >= 0 else 0)


def run_queue_waits(pids: Sequence[int]) -> dict[str, int]:
    """How long each thread of some processes has waited for a core, by its path; nothing of those that are gone."""
    waits = {}
    for pid in pids:
        threads = f"{PROC}/{pid}/task"
        try:
            names = os.listdir(threads)
        except OSError:
            continue
        for name in names:
            path = f"{threads}/{name}/schedstat"
            try:
                with open(path, encoding="ascii") as file:
                    waits[path] = int(file.read().split()[1]) // 1_000
            except (OSError, ValueError, IndexError):
                continue
    return waits
