"""Texts that a backend sent, cleaned and counted: so many of them, so long, and nothing that a terminal would obey."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_TEXTS, TEXT_LENGTH, OTHERS = 50, 120, "others"


def cleaned(text: str, length: int = TEXT_LENGTH) -> str:
    """A foreign text as it can be printed: one line of printable characters, not too long."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:length])
    return shown or "(empty)"


@dataclass
class Texts:
    """How often each text came."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """One more of a text."""
        if text not in self.counts:
            text = cleaned(text)
            if text not in self.counts and len(self.counts) >= MAX_TEXTS:
                text = OTHERS
        self.counts[text] = self.counts.get(text, 0) + 1

    def merge(self, other: Texts) -> None:
        """Add another worker's to these."""
        for text, count in other.counts.items():
            self.counts[text] = self.counts.get(text, 0) + count

    def most(self) -> tuple[str, int] | None:
        """The text that came most often, and how often; None where none came."""
        return max(self.counts.items(), key=lambda each: each[1], default=None)
