"""Fair reading: no connection, whatever its peer sends, may keep the event loop from the others and from the clock.

What is read is bounded by a turn; what a connection costs is bounded by its share of the loop's CPU time. Frames that
the handler knows byte for byte are so cheap that no peer can send them fast enough, and are not counted.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import gevent

TURN_US = 20_000
"""How long the loop reads before its timers and greenlets have their turn."""

FLOOD_US, EARNED = 250_000, 0.05
"""A connection may take so much at once, and a twentieth of the loop all the time: hundreds of times what a busy
conversation's connection takes. Up to fifteen that flood at once are found; more of them take less than that each,
which is a generator without capacity: the run ends on time, and its health says so.
"""

LONG_US = 10_000
"""A full garbage collection takes at least so long."""

EXCUSED_EVERY_US = 10_000_000

FLOODED = "flooded: it took a quarter of a second of the generator's time"


def cpu_us() -> int:
    """CPU time of this thread in microseconds: a process that stands still does not make a flood."""
    return time.thread_time_ns() // 1_000


def full_collections() -> int:
    """How many full garbage collections this process has made."""
    return int(gc.get_stats()[2]["collections"])


class Share:
    """What one connection has taken of the loop's time."""

    __slots__ = ("_collections", "_excused_us", "_since_us", "_taken_us")

    def __init__(self) -> None:
        self._collections = full_collections()
        self._excused_us = -EXCUSED_EVERY_US
        self._since_us = 0
        self._taken_us = 0

    def is_flooded(self, taken_us: int, now_us: int) -> bool:
        """It took so much CPU time just now; returns whether that is too much.

        A full garbage collection is not its doing: a long turn in which there may have been one is not counted, but
        rarely, because a flood makes garbage, too.
        """
        if taken_us > LONG_US and now_us - self._excused_us >= EXCUSED_EVERY_US:
            before, self._collections = self._collections, full_collections()
            if before != self._collections:
                self._excused_us = now_us
                return False
        earned_us = round((now_us - self._since_us) * EARNED)
        self._since_us = now_us
        self._taken_us = max(0, self._taken_us - earned_us) + taken_us
        return self._taken_us > FLOOD_US


def soon(call: Callable[[], object]) -> None:
    """Call from the hub in the loop's next round, after timers and signals: the loop's callbacks come before them."""
    timer: Any = gevent.get_hub().loop.timer(0.0)

    def once() -> None:
        timer.stop()
        timer.close()
        call()

    timer.start(once)
