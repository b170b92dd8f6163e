"""When a client sends: an absolute plan that is never moved, whatever the backend does.

    intended(k) = base + phase + k * interval        for every k with intended(k) < end (or Poisson arrivals)

A stalled client keeps its plan: what it could not send in time is its backlog, sent late and measured from the
intended time, so that a slow backend cannot slow the measurement down (coordinated omission).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from math import log

GOLDEN_RATIO = 0.618033988749895
"""Multiples of it, modulo 1, are spread evenly over [0, 1) however many are taken (Weyl's low-discrepancy sequence)."""

BACKLOG_GAP_US = 100_000
"""A backlog is sent at no more than ten messages a second, unless told otherwise."""

LATE_US = 10_000
"""A message belongs to a backlog if the one before it went so much later than this one should have."""


def phase_us(client: int, interval_us: int) -> int:
    """Where in the interval a client sends, so that any number of clients is spread evenly. `client` counts from 0."""
    return int(client * GOLDEN_RATIO % 1.0 * interval_us)


Gaps = Callable[[int], int]
"""The time from message n of a client to the next one, in microseconds."""


def constant_gaps(interval_us: int) -> Gaps:
    """The same gap always."""
    return lambda _n: interval_us


def poisson_gaps(interval_us: int, seed: int, client: int) -> Gaps:
    """Exponential gaps with a mean of `interval_us`: arrivals as of people who know nothing of each other.

    gap(n) = -ln(u(n)) * interval, u(n) uniform in (0, 1] from a hash of seed, client and n.
    """

    def gap_us(n: int) -> int:
        digest = blake2b(f"{seed}:{client}:{n}".encode(), digest_size=8).digest()
        uniform = (int.from_bytes(digest, "big") + 1) / 2**64
        return max(1, round(-log(uniform) * interval_us))

    return gap_us


class SendPlan:
    """One client's intended send times: the first, and then one after each gap. Times in microseconds.

    `end_us` is None while sending has no known end. `backlog_gap_us` is the least time between two messages that are
    late.
    """

    __slots__ = ("_backlog_gap_us", "_gap_us", "_last_sent_us", "_next_us", "_passed", "end_us", "sent")

    def __init__(
        self,
        first_us: int,
        gap_us: Gaps,
        end_us: int | None = None,
        interval_us: int = 1 << 40,
        backlog_gap_us: int = BACKLOG_GAP_US,
    ) -> None:
        self._next_us = first_us
        self._gap_us = gap_us
        self._backlog_gap_us = min(backlog_gap_us, interval_us // 2)
        self._last_sent_us: int | None = None
        self.end_us = end_us
        self.sent = 0
        self._passed = 0

    def intended_us(self) -> int | None:
        """The intended time of the next message; None when the plan is through."""
        return self._next_us if self.end_us is None or self._next_us < self.end_us else None

    def send_at_us(self) -> int | None:
        """When the next message may go: at its intended time, or later while a backlog is worked off."""
        intended_us = self.intended_us()
        if intended_us is None or self._last_sent_us is None or self._last_sent_us - intended_us < LATE_US:
            return intended_us
        return max(intended_us, self._last_sent_us + self._backlog_gap_us)

    def mark_sent(self, now_us: int) -> None:
        """The next message was sent."""
        self._next_us += self._gap_us(self._passed)
        self._passed += 1
        self.sent += 1
        self._last_sent_us = now_us

    def skip(self, now_us: int) -> list[int]:
        """Go on from now: the intended times that were missed, which nobody sends any more."""
        missed = self.unsent_us(now_us)
        for _ in missed:
            self._next_us += self._gap_us(self._passed)
            self._passed += 1
        return missed

    def unsent_us(self, now_us: int) -> list[int]:
        """The intended times, before `now_us`, of messages that were not sent."""
        until_us = now_us if self.end_us is None else min(now_us, self.end_us)
        times, next_us, number = [], self._next_us, self._passed
        while next_us < until_us:
            times.append(next_us)
            next_us += self._gap_us(number)
            number += 1
        return times


class ThinkPlan:
    """A client of the closed model: it sends, waits until its message was seen, thinks, and sends again.

    What it would have sent while it waited it never plans: a slow backend slows it down. That is what such a model
    cannot tell, and why the open one is the default.
    """

    __slots__ = ("_next_us", "_think_us", "end_us", "sent")

    def __init__(self, first_us: int, think_us: int, end_us: int | None = None) -> None:
        self._next_us: int | None = first_us
        self._think_us = think_us
        self.end_us = end_us
        self.sent = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a message is under way and still unseen."""
        return self._next_us is None

    def send_at_us(self) -> int | None:
        """When the next message goes; None while it waits, and when there is no time left."""
        if self._next_us is None or (self.end_us is not None and self._next_us >= self.end_us):
            return None
        return self._next_us

    def mark_sent(self, _now_us: int) -> None:
        """The next message was sent."""
        self.sent += 1
        self._next_us = None

    def mark_seen(self, now_us: int) -> None:
        """The message was seen, or given up."""
        self._next_us = now_us + self._think_us

    def skip(self, _now_us: int) -> list[int]:
        """Nothing was missed."""
        return []

    def unsent_us(self, _now_us: int) -> list[int]:
        """Nothing is planned that is not sent."""
        return []
