"""Text that is not ours: what a backend, a person or a file said is shown as one line, printable and bounded."""

from __future__ import annotations

SHOWN_CHARACTERS = 300


def plain(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """The text in one line: what cannot be printed, line ends among it, is a blank."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: limit + 1])
    return line if len(text) <= limit else f"{line[: limit - 3]}..."
