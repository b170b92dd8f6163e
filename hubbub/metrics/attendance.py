"""Who of the clients that were asked for was there: how many, how long, and what became of the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Attendance:
    """Clients of one worker, or of all of them.

    `asked` is the most that were there at once, `present` those that are there now, `ready` those that were ever ready.
    `lost` are those that ended before the run did, each once; `lost_by` has the reason of each by its class.
    `asked_us` and `ready_us` are client-microseconds of the sending window: asked for, and ready.
    `remaining` are the messages that its clients still plan until the window's end.
    """

    asked: int = 0
    present: int = 0
    ready: int = 0
    lost: int = 0
    lost_by: Counter[str] = field(default_factory=Counter)
    asked_us: int = 0
    ready_us: int = 0
    remaining: int = 0

    @property
    def applied(self) -> float | None:
        """The share of the asked client-seconds in which the client was ready; None where none were asked for."""
        return self.ready_us / self.asked_us if self.asked_us else None

    def merge(self, other: Attendance) -> None:
        """Add another worker's clients to these."""
        self.asked += other.asked
        self.present += other.present
        self.ready += other.ready
        self.lost += other.lost
        self.lost_by.update(other.lost_by)
        self.asked_us += other.asked_us
        self.ready_us += other.ready_us
        self.remaining += other.remaining
