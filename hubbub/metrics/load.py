"""Whether the load that was planned was sent when it was planned, second by second.

A generator that falls behind sends other load than was asked for, even if it catches up: so each second's messages are
compared with the plan's (Lancet, USENIX ATC 2019, accepts a load by a test of the same kind).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

DEVIATION, DEVIATION_SIGMAS = 0.1, 3.0
"""A second deviates if it sends more than the larger of 10 % and 3/sqrt(planned) more or less than was planned."""

DEVIATING_LIMIT = 0.05
"""At most this share of the seconds may deviate."""


@dataclass
class Load:
    """Messages planned for each second of the sending window, and sent in it; the master adds workers up."""

    planned: dict[int, int] = field(default_factory=dict)
    sent: dict[int, int] = field(default_factory=dict)

    def plan(self, second: int) -> None:
        """A message was meant for a second."""
        self.planned[second] = self.planned.get(second, 0) + 1

    def send(self, second: int) -> None:
        """A message was sent in a second."""
        self.sent[second] = self.sent.get(second, 0) + 1

    @property
    def seconds(self) -> int:
        """How many seconds had messages, planned or sent."""
        return len(self.planned.keys() | self.sent.keys())

    def deviating(self) -> list[int]:
        """The seconds that sent more or less than was planned for them."""
        found = []
        for second in sorted(self.planned.keys() | self.sent.keys()):
            planned, sent = self.planned.get(second, 0), self.sent.get(second, 0)
            allowed = max(DEVIATION * planned, DEVIATION_SIGMAS * sqrt(max(1, planned)))
            if abs(sent - planned) > allowed:
                found.append(second)
        return found

    @property
    def is_as_planned(self) -> bool:
        """Whether few enough seconds deviate."""
        return len(self.deviating()) <= DEVIATING_LIMIT * self.seconds

    def merge(self, other: Load) -> None:
        """Add another worker's messages to these."""
        for mine, theirs in ((self.planned, other.planned), (self.sent, other.sent)):
            for second, count in theirs.items():
                mine[second] = mine.get(second, 0) + count

    def to_dict(self) -> dict[str, Any]:
        """As plain values for msgpack: keys are texts."""
        return {name: {str(second): n for second, n in getattr(self, name).items()} for name in ("planned", "sent")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Load:
        return cls(**{name: {int(second): n for second, n in values[name].items()} for name in ("planned", "sent")})
