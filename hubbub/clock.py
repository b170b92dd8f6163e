"""Time: the one clock that figures are made from, and durations as people write them.

Inside, times are integer microseconds of CLOCK_MONOTONIC; outside, milliseconds as floats.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hubbub.errors import ConfigError

Clock = Callable[[], int]
"""Returns the present in microseconds. Passed as an argument, so that tests own the time."""

US_PER_SECOND = 1_000_000


class Event(Protocol):
    """Something that can be waited for: gevent's Event and AsyncResult are such."""

    def ready(self) -> bool:
        """Whether it has happened."""


class Task(Protocol):
    """Something that runs in the background."""

    def kill(self, *, block: bool = True) -> None:
        """End it; with `block`, wait for its end. Idempotent."""


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Do not call any more. Idempotent."""


class Scheduler(Protocol):
    """The time of a run and who waits in it. Everything that runs in the background or waits does it through this.

    `client/scheduler.py` has the real one; in tests time goes on only when everything waits.
    """

    def now_us(self) -> int:
        """The present in microseconds."""

    def sleep(self, seconds: float) -> None:
        """Wait. With 0, let the others run first."""

    def spawn(self, function: Callable[..., object], *arguments: object) -> Task:
        """Run a function in the background."""

    def call_later(self, seconds: float, function: Callable[[], object]) -> Timer:
        """Call a function that does not block, once, after a time, from the loop that runs all greenlets."""

    def wait(self, event: Event, timeout_s: float | None = None) -> bool:
        """Wait for an event, at most so long; returns whether it has happened."""


_UNITS_US = {"ms": 1_000, "s": US_PER_SECOND, "m": 60 * US_PER_SECOND, "h": 3_600 * US_PER_SECOND}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def monotonic_us() -> int:
    """Microseconds of CLOCK_MONOTONIC."""
    return time.monotonic_ns() // 1_000


def clock_domain() -> str:
    """What tells apart machines, whose monotonic clocks have nothing to do with each other; "" if it is not known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def parse_duration_us(text: str, name: str = "duration") -> int:
    """Read `200ms`, `0.5s`, `5s`, `1m30s`, `2h` as microseconds. A bare number means seconds.

    `name` is what the error calls the value. Raises ConfigError for anything else.
    """
    wanted = text.strip()
    if re.fullmatch(r"\d+(?:\.\d+)?", wanted):
        return round(float(wanted) * US_PER_SECOND)
    if not _DURATION.fullmatch(wanted):
        raise ConfigError(f"{name} must be a duration such as 200ms, 0.5s, 5s, 1m30s or 2h, not {text!r}.")
    return sum(round(float(number) * _UNITS_US[unit]) for number, unit in _PART.findall(wanted))


def format_duration(duration_us: int) -> str:
    """Write microseconds the way parse_duration_us reads them: `1m30s`, `0.5s`, `5s`."""
    minutes, rest_us = divmod(duration_us, _UNITS_US["m"])
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h"] if hours else []
    parts += [f"{minutes}m"] if minutes else []
    if rest_us or not parts:
        parts.append(f"{rest_us / US_PER_SECOND:g}s")
    return "".join(parts)
