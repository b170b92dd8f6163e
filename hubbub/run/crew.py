"""Many things of one kind, done some at a time, by a deadline: what was done counts, and what was not is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from gevent.event import Event

from hubbub.clock import US_PER_SECOND, Scheduler

Item = TypeVar("Item")
Made = TypeVar("Made")

PROGRESS_US = 2 * US_PER_SECOND
"""A person who waits wants to see that something happens, and not every bit of it."""


class Crew(Generic[Item, Made]):
    """Does `work` for each item, `at_once` at a time. `made` and `failed` have what became of them, by place.

    An exception of one of the `fatal` kinds ends everything, and is raised by `do`.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        work: Callable[[Item], Made],
        at_once: int,
        fatal: tuple[type[Exception], ...] = (),
        progress: Callable[[int], object] = lambda done: None,
    ) -> None:
        self.made: dict[int, Made] = {}
        self.failed: dict[int, Exception] = {}
        self._scheduler = scheduler
        self._work = work
        self._at_once = at_once
        self._fatal = fatal
        self._progress = progress
        self._ended: Exception | None = None
        self._working = 0
        self._over = Event()
        self._said_us = 0

    def do(self, items: Sequence[Item], seconds: float) -> None:
        """Do what can be done in so many seconds. What is not done then is neither made nor failed."""
        if not items:
            return
        queue = iter(enumerate(items))
        self._said_us = self._scheduler.now_us()
        self._working = min(self._at_once, len(items))
        tasks = [self._scheduler.spawn(self._take_turns, queue) for _ in range(self._working)]
        try:
            self._scheduler.wait(self._over, seconds)
        finally:
            for task in tasks:
                task.kill(block=False)
        if self._ended is not None:
            raise self._ended

    def _take_turns(self, queue: Iterator[tuple[int, Item]]) -> None:
        for place, item in queue:
            if self._ended is not None:
                break
            try:
                self.made[place] = self._work(item)
            except self._fatal as error:
                self._ended = error
            except Exception as error:
                self.failed[place] = error
            self._say()
        self._working -= 1
        if not self._working or self._ended is not None:
            self._over.set()

    def _say(self) -> None:
        now_us = self._scheduler.now_us()
        if now_us - self._said_us >= PROGRESS_US:
            self._said_us = now_us
            self._progress(len(self.made))
