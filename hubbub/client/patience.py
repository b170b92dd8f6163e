"""Waiting for a backend's limits: a limit of calls is a policy, and no fault."""

from __future__ import annotations

from hubbub.clock import Scheduler
from hubbub.errors import Throttled

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""Where the backend does not say when to come again, each wait is twice the one before."""

SPREAD_OVER = 20
"""Callers wait up to twice as long, each in its own way, or all would come back at the same time."""


class Patience:
    """Waits between the tries of one call. `number` is the caller's."""

    def __init__(self, scheduler: Scheduler, number: int) -> None:
        self._scheduler = scheduler
        self._spread = 1 + number % SPREAD_OVER / SPREAD_OVER
        self._next_s = FIRST_WAIT_S

    def next_s(self, error: Throttled) -> float:
        """How long the next wait is, in seconds: as long as the backend asks for, or longer each time."""
        if error.retry_after_s is not None:
            return max(error.retry_after_s, FIRST_WAIT_S) + self._spread - 1
        wait_s, self._next_s = self._next_s * self._spread, min(2 * self._next_s, LONGEST_WAIT_S)
        return wait_s

    def wait(self, error: Throttled) -> None:
        """Wait after a call that came too soon."""
        self._scheduler.sleep(self.next_s(error))
