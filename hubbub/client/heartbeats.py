"""Heartbeats that the clients of a worker send: one timer for all connections, which beat in turn."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

from hubbub.clock import Scheduler, Timer

TURNS = 16
"""In one interval: a sixteenth of the connections beats at a time."""


class Beating(Protocol):
    """A connection that has something to send now and then."""

    def beat(self) -> None:
        """Send it, without waiting."""


class Heartbeats:
    """Lets each connection beat every `interval_s` seconds while it is there; never where that is 0."""

    def __init__(self, scheduler: Scheduler, interval_s: float) -> None:
        self._scheduler = scheduler
        self._interval_s = interval_s
        self._turns: list[WeakSet[Beating]] = [WeakSet() for _ in range(TURNS)]
        self._turn = 0
        self._next = 0
        self._timer: Timer | None = None

    def add(self, connection: Beating) -> None:
        """A connection is made."""
        if not self._interval_s or any(connection in turn for turn in self._turns):
            return
        self._turns[self._next].add(connection)
        self._next = (self._next + 1) % TURNS
        if self._timer is None:
            self._wait()

    def stop(self) -> None:
        """No more beats. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
        self._interval_s = 0.0

    def _wait(self) -> None:
        self._timer = self._scheduler.call_later(self._interval_s / TURNS, self._beat)

    def _beat(self) -> None:
        if self._interval_s:
            self._wait()
            for connection in list(self._turns[self._turn]):
                connection.beat()
            self._turn = (self._turn + 1) % TURNS
