"""The clients of one worker: who was asked for, who is ready, who was lost, counted as it happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hubbub.clock import Clock
from hubbub.metrics.attendance import Attendance


class Population:
    """`attendance()` is what is known now. Clients are told apart by their numbers.

    A client that is asked for while the window is open has `grace_us` to get ready before it counts as missing; one
    that was asked for before has had its time.
    """

    def __init__(self, clock: Clock, grace_us: int) -> None:
        self._clock = clock
        self._grace_us = grace_us
        self._attendance = Attendance()
        self._waiting: dict[int, int] = {}
        """Clients that were never ready, and since when they count as missing."""
        self._ever_ready: set[int] = set()
        self._lost: set[int] = set()
        self._ready = 0
        self._is_open = False
        self._counted_us = 0
        self._ends_us: int | None = None

    # -- clients -----------------------------------------------------------------------------------------------------

    def ask(self, client: int) -> None:
        """A client was asked for."""
        self._waiting[client] = self._clock() + self._grace_us
        self._attendance.present += 1
        self._attendance.asked = max(self._attendance.asked, self._attendance.present)

    def joined(self, client: int) -> None:
        """A client is ready for the first time, or again."""
        if client not in self._ever_ready:
            self._count()
            self._ever_ready.add(client)
            self._attendance.ready += 1
            self._stop_waiting(client)

    def lose(self, client: int, kind: str) -> None:
        """A client ended before its time; it will be replaced. Only its first end counts."""
        if client not in self._lost:
            self._lost.add(client)
            self._attendance.lost += 1
            self._attendance.lost_by[kind] += 1

    def leave(self, client: int) -> None:
        """A client was stopped by who asked for it."""
        self._count()
        self._stop_waiting(client)
        self._attendance.present -= 1

    def _stop_waiting(self, client: int) -> None:
        since_us = self._waiting.pop(client, None)
        if since_us is not None:
            self._attendance.asked_us += self._missing_us(since_us)

    # -- connections -------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """The connection of a client is ready."""
        self._count()
        self._ready += 1

    def disconnected(self) -> None:
        """A connection that was ready has ended, or left."""
        self._count()
        self._ready -= 1

    # -- time --------------------------------------------------------------------------------------------------------

    def open_window(self, length_us: int | None = None) -> None:
        """From now on client-seconds count, for so long at most; who is not ready now is missing."""
        self._counted_us = self._clock()
        self._ends_us = None if length_us is None else self._counted_us + length_us
        self._is_open = True
        self._waiting = dict.fromkeys(self._waiting, self._counted_us)

    def close_window(self) -> None:
        """Client-seconds stop counting. Idempotent."""
        self._attendance = self.attendance()
        self._waiting.clear()
        self._is_open = False

    def _count(self) -> None:
        if self._is_open:
            now_us = self._now_us()
            elapsed_us, self._counted_us = now_us - self._counted_us, now_us
            self._attendance.asked_us += elapsed_us * (self._attendance.present - len(self._waiting))
            self._attendance.ready_us += elapsed_us * self._ready

    def _missing_us(self, since_us: int) -> int:
        return max(0, self._now_us() - since_us) if self._is_open else 0

    def _now_us(self) -> int:
        """The present, or the end of the window."""
        return self._clock() if self._ends_us is None else min(self._clock(), self._ends_us)

    def attendance(self, remaining: int = 0) -> Attendance:
        """What is known now, as a copy. `remaining` messages are still planned."""
        self._count()
        known = self._attendance
        missing_us = sum(self._missing_us(since_us) for since_us in self._waiting.values())
        return replace(known, asked_us=known.asked_us + missing_us, lost_by=Counter(known.lost_by), remaining=remaining)
