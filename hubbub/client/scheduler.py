"""The scheduler of real runs: gevent's greenlets and the monotonic clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

from hubbub.clock import Task, Timer, monotonic_us


class LoopTimer:
    """A timer of gevent's loop: no greenlet waits for it."""

    __slots__ = ("_timer",)

    def __init__(self, seconds: float, function: Callable[[], object]) -> None:
        self._timer: Any = gevent.get_hub().loop.timer(max(seconds, 0.0))
        self._timer.start(function)

    def cancel(self) -> None:
        """Do not call any more. Idempotent."""
        self._timer.stop()
        self._timer.close()


class GeventScheduler:
    """See `hubbub.clock.Scheduler`."""

    def now_us(self) -> int:
        return monotonic_us()

    def sleep(self, seconds: float) -> None:
        gevent.sleep(seconds)

    def spawn(self, function: Callable[..., object], *arguments: object) -> Task:
        task: Task = gevent.spawn(function, *arguments)
        return task

    def call_later(self, seconds: float, function: Callable[[], object]) -> Timer:
        return LoopTimer(seconds, function)

    def wait(self, event: Any, timeout_s: float | None = None) -> bool:
        event.wait(timeout_s)
        return bool(event.ready())
