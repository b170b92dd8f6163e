"""How long a backend on this machine was ready to run and had no core: its lateness is the machine's, then.

Linux counts it for every thread (proc(5), schedstat). A wait counts when it ends, so the sum after an arrival has all
that came before it.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from hubbub.clock import Clock

KEPT_SAMPLES, TRIM_AT = 6_000, 12_000
"""Two minutes of samples: longer than a delivery can be on its way before it is given up."""

MIN_INTERVAL_US, MIN_INTERVAL_COSTS = 5_000, 50
"""An arrival that is younger than the last sample asks for a new one, but not more often than this. A sample of many
threads takes long: 50 times as long passes between two of them, so that they take at most 2 % of a core.
"""

PROC = "/proc"

Read = Callable[[], dict[str, int]]
"""For each thread, how long it has waited since it began, in microseconds."""


class BackendWait:
    """The waits of all threads together. Call `sample` 50 times a second; `waited_us` asks for one more if it must.

    A thread that ends between two samples takes what it waited since the first of them with it.
    """

    def __init__(self, clock: Clock, read: Read) -> None:
        self._clock = clock
        self._read = read
        self._of_threads: dict[str, int] = {}
        self._total_us = 0
        self._times: list[int] = []
        self._totals: list[int] = []
        self._cost_us = 0
        self.sample()

    def sample(self) -> None:
        """Read the waits now, unless that was done a moment ago. A thread that is gone keeps what it had."""
        began_us = self._clock()
        if self._times and began_us - self._times[-1] < MIN_INTERVAL_COSTS * self._cost_us:
            return
        known = self._of_threads
        threads = self._read()
        for thread, waited_us in threads.items():
            self._total_us += max(0, waited_us - known.get(thread, 0))
        self._of_threads = threads
        self._times.append(began_us)
        self._cost_us = self._clock() - began_us
        self._totals.append(self._total_us)
        if len(self._times) > TRIM_AT:
            del self._times[:-KEPT_SAMPLES], self._totals[:-KEPT_SAMPLES]

    def waited_us(self, from_us: int, to_us: int) -> int:
        """At most how long the backend waited from one time to another: what the samples around them tell."""
        if to_us <= from_us:
            return 0
        if to_us > self._times[-1] and self._clock() - self._times[-1] >= MIN_INTERVAL_US:
            self.sample()
        before = bisect_right(self._times, from_us) - 1
        after = bisect_left(self._times, to_us)
        began_us = self._totals[before] if before >= 0 else 0
        if after < len(self._times):
            return self._totals[after] - began_us
        return self._totals[-1] - began_us + to_us - self._times[-1]  # all the time since then may have been one wait


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
