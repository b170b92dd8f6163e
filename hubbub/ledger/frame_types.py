"""Frames that the contract does not take for a delivery or an answer, by their type; and do they carry our messages?"""

from __future__ import annotations

from dataclasses import dataclass, field

from hubbub.metrics.texts import OTHERS, cleaned

MAX_TYPES, TYPE_LENGTH = 50, 40
"""A type is a backend's text: so many of them travel in every report, and the rest is counted together."""


UNREADABLE, WITHOUT_TYPE = "unreadable", "without a type"
"""What contracts call frames that have no type; a test holds that they do."""

NO_TYPES = frozenset({OTHERS, UNREADABLE, WITHOUT_TYPE})
"""Names of frames that have none which a contract could be told."""


@dataclass(slots=True)
class FrameType:
    """How many frames of a type came, and how many of them had a valid tag of this run in them."""

    count: int = 0
    tagged: int = 0


@dataclass
class FrameTypes:
    """All types that came, by name."""

    types: dict[str, FrameType] = field(default_factory=dict)

    def take(self, name: str, is_tagged: bool) -> None:
        """One frame of a type."""
        if name not in self.types:
            name = cleaned(name, TYPE_LENGTH)
            if name not in self.types and len(self.types) >= MAX_TYPES:
                name = OTHERS
        known = self.types.setdefault(name, FrameType())
        known.count += 1
        known.tagged += is_tagged

    def merge(self, other: FrameTypes) -> None:
        """Add another worker's to these."""
        for name, theirs in other.types.items():
            mine = self.types.setdefault(name, FrameType())
            mine.count += theirs.count
            mine.tagged += theirs.tagged

    def tagged(self) -> list[tuple[str, int]]:
        """The types that may be deliveries, with how many frames had a tag of this run, the most first."""
        found = [(name, each.tagged) for name, each in self.types.items() if each.tagged and name not in NO_TYPES]
        return sorted(found, key=lambda each: (-each[1], each[0]))
