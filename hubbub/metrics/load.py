"""Whether the load that was planned was sent when it was planned, second by second.

A generator that falls behind sends other load than was asked for, even if it catches up: so each second's messages are
compared with the plan's (Lancet, USENIX ATC 2019, accepts a load by a test of the same kind).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import sqrt

DEVIATION, DEVIATION_SIGMAS = 0.1, 3.0
"""A second deviates if it sends more than the larger of 10 % and 3/sqrt(planned) more or less than was planned."""

DEVIATING_LIMIT = 0.05
"""At most this share of the seconds may deviate."""


@dataclass
class Load:
    """Messages planned for each second of the sending window, and sent in it; the master adds workers up."""

    planned: Counter[int] = field(default_factory=Counter)
    sent: Counter[int] = field(default_factory=Counter)

    @property
    def seconds(self) -> list[int]:
        """The seconds that had messages, planned or sent."""
        return sorted(self.planned.keys() | self.sent.keys())

    def deviation(self, second: int) -> int:
        """How many messages more or less than planned a second sent."""
        return abs(self.sent[second] - self.planned[second])

    def deviating(self) -> list[int]:
        """The seconds that sent more or less than was planned for them."""
        return [second for second in self.seconds if self.deviation(second) > _allowed(self.planned[second])]

    @property
    def is_as_planned(self) -> bool:
        """Whether few enough seconds deviate."""
        return len(self.deviating()) <= DEVIATING_LIMIT * len(self.seconds)

    def merge(self, other: Load) -> None:
        """Add another worker's messages to these."""
        self.planned.update(other.planned)
        self.sent.update(other.sent)


def _allowed(planned: int) -> float:
    """How many messages more or less a second may send."""
    return max(DEVIATION * planned, DEVIATION_SIGMAS * sqrt(max(1, planned)))
