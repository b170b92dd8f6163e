"""What somebody may have meant who wrote a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LIKELY = 0.6
"""Of 1 for the same text: `sokcetio` is socketio, and `mine` is not minimal."""


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """` Did you mean 'socketio'?`, or nothing where no known name is close."""
    plain = {name.lower(): name for name in known}
    close = get_close_matches(text.lower(), plain, 1, LIKELY)
    return f" Did you mean {plain[close[0]]!r}?" if close else ""
