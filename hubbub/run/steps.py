"""What a start is busy with: said where one step takes longer than a person waits without wondering."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hubbub.clock import Scheduler, Timer
from hubbub.run.terminal import say

SLOW_S, AGAIN_S = 1.0, 10.0


@contextmanager
def told_if_slow(scheduler: Scheduler, what: Callable[[], str]) -> Iterator[None]:
    """Say `what` is being done after a second, and again every ten, until it is done."""

    timers: list[Timer] = []

    def tell() -> None:
        say(what())
        timers.append(scheduler.call_later(AGAIN_S, tell))

    timers.append(scheduler.call_later(SLOW_S, tell))
    try:
        yield
    finally:
        timers[-1].cancel()
