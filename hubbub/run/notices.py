"""What a person wants to know while a run goes on, said once and at once: the rest may not be worth its time."""

from __future__ import annotations

from collections.abc import Collection

from hubbub.clock import US_PER_SECOND
from hubbub.report.diagnosis import limit_of_connections
from hubbub.run.messages import Report
from hubbub.run.terminal import say

SILENCE_US = 5 * US_PER_SECOND
"""After so long a backend that delivers anything has delivered something."""


class Notices:
    """Looks at the newest reports of all workers."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._has_heard = False

    def look(self, reports: Collection[Report]) -> None:
        """Before and while messages are sent."""
        held = max((report.held_at_limit for report in reports), default=0)
        if held:
            self._say_once("cap", limit_of_connections(held))
        if throttled := sum(report.phase_stats.connections.throttled for report in reports):
            self._say_once("limit", f"the backend limits requests (HTTP 429): {throttled} calls wait until now")

    def look_for_silence(self, reports: Collection[Report], elapsed_us: int) -> None:
        """While messages are sent."""
        if self._has_heard or elapsed_us < SILENCE_US:
            return
        sent = sum(report.counts.sent for report in reports)
        self._has_heard = any(report.counts.received for report in reports)
        if sent and not self._has_heard:
            seconds = SILENCE_US // US_PER_SECOND
            self._say_once("silence", f"{sent} messages were sent and none was delivered in the first {seconds} s")
            self._has_heard = True

    def _say_once(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            say(text)
