"""The broker between a message's storing and its fan-out, which can be out for a while."""

from __future__ import annotations

import time

from backend.faults import seconds

REFUSAL = "Failed to send message. Please try again."


class Broker:
    """Out from `after_s` to `after_s + for_s` after the first message.

    The message that finds it out first is stored and not published, and its sender is not told: the broker went away
    between the two. Later ones are answered with an `error` frame, and not stored.
    """

    def __init__(self, after_s: float = 0.0, for_s: float = 0.0) -> None:
        self._after_s = after_s
        self._for_s = for_s
        self._first_s: float | None = None
        self._has_edge = False

    @classmethod
    def parse(cls, text: str) -> Broker:
        """`AFTER:FOR`; an empty text is a broker that is never out. Raises ValueError with a sentence."""
        if not text:
            return cls()
        after, colon, length = text.partition(":")
        if not colon:
            raise ValueError(f"broker-out must be AFTER:FOR, such as 5s:3s, not {text!r}")
        return cls(seconds(after), seconds(length))

    @property
    def is_out(self) -> bool:
        """Whether nothing can be published now."""
        if self._first_s is None or not self._for_s:
            return False
        return self._after_s <= time.monotonic() - self._first_s < self._after_s + self._for_s

    def takes(self) -> str:
        """What becomes of a message now: `published`, `stored` and not published, or `refused`."""
        if self._first_s is None:
            self._first_s = time.monotonic()
        if not self.is_out:
            return "published"
        if not self._has_edge:
            self._has_edge = True
            return "stored"
        return "refused"
