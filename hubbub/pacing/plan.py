"""When a client sends: an absolute plan that is never moved, whatever the backend does.

    intended(k) = base + phase + k * interval        for every k with intended(k) < end

A stalled client keeps its plan: what it could not send in time is its backlog, sent late and measured from the
intended time, so that a slow backend cannot slow the measurement down (coordinated omission).
"""

from __future__ import annotations

from dataclasses import dataclass

GOLDEN_RATIO = 0.618033988749895
"""Multiples of it, modulo 1, are spread evenly over [0, 1) however many are taken (Weyl's low-discrepancy sequence)."""

BACKLOG_GAP_US = 100_000
"""A backlog is sent at no more than ten messages a second."""


def phase_us(client: int, interval_us: int) -> int:
    """Where in the interval a client sends, so that any number of clients is spread evenly. `client` counts from 0."""
    return int(client * GOLDEN_RATIO % 1.0 * interval_us)


@dataclass(slots=True)
class SendPlan:
    """One client's intended send times. `end_us` is None while sending has no known end. Times in microseconds."""

    first_us: int
    interval_us: int
    end_us: int | None = None
    sent: int = 0
    last_sent_us: int | None = None

    def intended_us(self) -> int | None:
        """The intended time of the next message; None when the plan is through."""
        intended_us = self.first_us + self.sent * self.interval_us
        return intended_us if self.end_us is None or intended_us < self.end_us else None

    def send_at_us(self) -> int | None:
        """When the next message may go: at its intended time, or later while a backlog is worked off."""
        intended_us = self.intended_us()
        if intended_us is None or self.last_sent_us is None:
            return intended_us
        return max(intended_us, self.last_sent_us + min(BACKLOG_GAP_US, self.interval_us // 2))

    def mark_sent(self, now_us: int) -> None:
        """The next message was sent."""
        self.sent += 1
        self.last_sent_us = now_us

    def unsent(self, now_us: int) -> int:
        """How many messages the plan wanted to be sent before `now_us`, and were not."""
        until_us = now_us if self.end_us is None else min(now_us, self.end_us)
        planned = max(0, -((self.first_us - until_us) // self.interval_us))
        return max(0, planned - self.sent)
