"""How a run goes on, in one line: rewritten each second on a terminal, and written every ten seconds into a log."""

from __future__ import annotations

from collections.abc import Callable

from hubbub.clock import US_PER_SECOND, Scheduler
from hubbub.report import RunResult
from hubbub.run.terminal import Terminal

EVERY_S_IN_A_LOG = 10


class Live:
    """`look` as often as you like: it writes when it is time. `is_quiet`: never."""

    def __init__(self, scheduler: Scheduler, terminal: Terminal, is_quiet: bool) -> None:
        self._scheduler = scheduler
        self._terminal = terminal
        self._is_quiet = is_quiet
        self._every_us = US_PER_SECOND * (1 if terminal.is_rewritable else EVERY_S_IN_A_LOG)
        self._last_us = 0
        self._state = ""
        self._sent = self._delivered = 0

    def look(self, state: str, result_of: Callable[[], RunResult]) -> None:
        """A run is in a state, and what was measured until now is asked for where it is shown."""
        now_us = self._scheduler.now_us()
        if state != self._state:
            self._state, self._last_us = state, now_us
        since_us = now_us - self._last_us
        if self._is_quiet or since_us < self._every_us:
            return
        self._last_us = now_us
        result = result_of()
        counts = result.counts
        sent, self._sent = counts.sent - self._sent, counts.sent
        delivered, self._delivered = counts.delivered - self._delivered, counts.delivered
        seconds = since_us / US_PER_SECOND
        parts = [
            f"{state}: {result.attendance.ready:,} of {result.attendance.asked:,} clients ready",
            f"{sent / seconds:,.0f} messages/s",
            f"{delivered / seconds:,.0f} deliveries/s",
            f"{counts.lost:,} lost",
            *_response(result),
            *_health(result),
        ]
        self._terminal.progress(", ".join(parts))


def _response(result: RunResult) -> list[str]:
    """The time from plan to receipt with both its ends, once there is enough of it."""
    high, low = (series.summary()["p95"] for series in (result.series("response"), result.low("response")))
    if high is None:
        return []
    return [f"response p95 {high:.1f} ms" + ("" if low is None else f" [{low:.1f} .. {high:.1f}]")]


def _health(result: RunResult) -> list[str]:
    ratio = result.health.clean_ratio
    return [] if ratio is None else [f"generator {ratio:.0%} clean"]
