"""The sending window of a run, as its owner sees it: when it opened, and whether it was as long as asked for."""

from __future__ import annotations

from hubbub.clock import Clock
from hubbub.options import Settings


class Window:
    """Opens once, and closes once. A run without a duration has a window that is never over by itself."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._opened_us: int | None = None
        self._closed_us: int | None = None

    def open(self) -> None:
        """Messages may be sent from now on."""
        self._opened_us = self._clock()

    def close(self) -> None:
        """No message may be sent any more. Idempotent."""
        if self._opened_us is not None and self._closed_us is None:
            self._closed_us = self._clock()

    @property
    def elapsed_us(self) -> int:
        """Microseconds since it opened; 0 before."""
        return 0 if self._opened_us is None else self._clock() - self._opened_us

    @property
    def length_us(self) -> int:
        """For how much of the run's duration it was open; 0 until it closed."""
        if self._opened_us is None or self._closed_us is None:
            return 0
        length_us = self._closed_us - self._opened_us
        return length_us if self._settings.duration_us is None else min(length_us, self._settings.duration_us)

    @property
    def is_over(self) -> bool:
        """Whether it was open for the run's duration."""
        return self._settings.duration_us is not None and self.elapsed_us >= self._settings.duration_us

    @property
    def was_cut_short(self) -> bool:
        """Whether it closed before its time, or never opened."""
        if self._settings.duration_us is None:
            return False
        return self.length_us < self._settings.duration_us
