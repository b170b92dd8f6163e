"""The answer of the backend that a session waits for, such as the confirmation of its join."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gevent.event import AsyncResult

from hubbub.clock import Scheduler
from hubbub.contracts import Event, EventKind, Id
from hubbub.errors import ContractError


class Expectation:
    """At most one answer is expected at a time. Fed by the transport's reader, waited for by the client's greenlet."""

    __slots__ = ("_conversation_id", "_kind", "_result", "_scheduler")

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._kind: EventKind | None = None
        self._conversation_id: Id = 0
        self._result: AsyncResult[None] = AsyncResult()

    @contextmanager
    def of(self, kind: EventKind, conversation_id: Id = 0) -> Iterator[None]:
        """Expect an answer, in any conversation or one: enter before the question is asked, and `wait` inside."""
        self._kind, self._conversation_id, self._result = kind, conversation_id, AsyncResult()
        try:
            yield
        finally:
            self._kind = None

    def wait(self, timeout_us: int, complaint: str) -> None:
        """Wait for the answer. Raises what it failed with, and ContractError when none comes in time."""
        if not self._scheduler.wait(self._result, timeout_us / 1e6):
            raise ContractError(complaint)
        self._result.get()

    def is_met_by(self, event: Event) -> bool:
        """Whether an event is the answer that is expected."""
        return event.kind is self._kind and self._conversation_id in (0, event.conversation_id)

    def answer(self, error: Exception | None = None) -> bool:
        """The answer is here, or `error` says why it will not come. Only the first one counts.

        Returns whether anything was expected.
        """
        if self._kind is None or self._result.ready():
            return False
        if error is None:
            self._result.set(None)
        else:
            self._result.set_exception(error)
        return True
