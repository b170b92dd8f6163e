"""One client's life: it gets ready, does its steps, and gets ready again after every failure, until the run ends.

Who spawns and stops clients is not known here. A client may be stopped wherever it waits `interruptibly`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

import gevent
from gevent.event import Event
from gevent.hub import Waiter

from hubbub.client.back_off import back_off_s
from hubbub.client.context import WorkerContext
from hubbub.client.payloads import Payloads
from hubbub.client.send_plans import Plans
from hubbub.client.session import Session
from hubbub.clock import US_PER_SECOND
from hubbub.errors import PhaseFailed

LONG_S = 3600.0
"""Until something else ends the wait; it is begun again where it does end."""


class ClientWorker(Protocol):
    """What a client knows of the worker that it runs on."""

    context: WorkerContext
    plans: Plans
    payloads: Payloads
    window: Event
    """Is set when messages may be sent, and at the end."""
    ended: Event
    """Is set when the worker has reported for the last time."""
    is_sending: bool
    """Whether the end of the run has not begun."""

    def number_client(self) -> int:
        """A number for each client of the whole run, from 0, interleaved between the workers."""

    def open_session(self, has_own_account: bool) -> Session:
        """A session for a client that starts, on a slot of its own. Raises RunError when no slot is free."""

    def close_session(self, session: Session, has_own_account: bool) -> None:
        """The session's client stops: close it, and release its slot."""


class Client:
    """A kind of client overrides `step`, which is called again and again while it is ready and messages may be sent.

    All waiting goes through `pause`, `pause_until_us` and `pause_until`.
    """

    weight: float = 1
    """Its share of a mix, compared with the weights of the others."""
    has_own_account: ClassVar[bool] = False
    """Whether it needs an account that no other client uses, and that is a member of every conversation."""
    comes_and_goes: ClassVar[bool] = False
    """Whether it leaves its conversation during a run, so that deliveries are excused and optional on purpose."""

    worker: ClientWorker
    session: Session | None = None
    client = 0

    def step(self) -> None:
        """Do one thing, or wait for its time."""
        raise TypeError(f"{type(self).__name__} does not say what it does: override step()")

    def interruptibly(self, wait: Callable[[], object]) -> None:
        """Call a function that blocks; who spawns clients may stop this one meanwhile."""
        wait()

    def live(self, worker: ClientWorker) -> None:
        """The whole life on a worker that is prepared. An exception of a step is counted as one of the generator."""
        self.worker = worker
        try:
            self._live()
        except Exception as error:
            if self.session is not None:
                kind = f"user class {type(self).__name__}: {type(error).__name__}"
                worker.context.error(kind, str(error), is_ours=True)
            raise

    def _live(self) -> None:
        worker = self.worker
        self.client = worker.number_client()
        self.session = worker.open_session(self.has_own_account)
        failures = 0
        while worker.is_sending:
            if not self.session.is_ready:
                failures = 0 if self._get_ready(self.session) else failures + 1
                if failures:
                    self.pause(back_off_s(failures, self.client))
            elif not worker.window.is_set():
                self.pause_until(worker.window)
            else:
                self.step()
        self.pause_until(worker.ended)
        self.pause(LONG_S)

    def _get_ready(self, session: Session) -> bool:
        try:
            session.establish()
        except PhaseFailed:
            return False
        return True

    def leave(self) -> None:
        """The client was stopped: end its plan and its connection. Idempotent."""
        session, self.session = self.session, None
        if session is not None:
            self.worker.plans.end(session)
            self.worker.close_session(session, self.has_own_account)

    # -- waiting -----------------------------------------------------------------------------------------------------

    def pause(self, seconds: float, until_seen: bool = False) -> None:
        """Sleep; wakes early when the connection is lost or, if asked for, when anyone has seen its newest message."""
        waiter: Waiter[None] = Waiter()

        def wake() -> None:
            gevent.get_hub().loop.run_callback(waiter.switch, None)

        timer = self.worker.context.scheduler.call_later(max(seconds, 0.0), lambda: waiter.switch(None))
        session = self.session
        producer = session.receiver.producer if session and session.receiver and until_seen else None
        if session is not None:
            session.on_lost = wake
        if producer is not None:
            producer.on_newest_seen = wake
        try:
            self.interruptibly(waiter.get)
        finally:
            timer.cancel()
            if session is not None:
                session.on_lost = None
            if producer is not None:
                producer.on_newest_seen = None

    def pause_until_lost(self) -> None:
        """Wait until the connection is lost."""
        self.pause(LONG_S)

    def pause_until_us(self, when_us: int) -> None:
        """Sleep until a time of the run's clock, or until the connection is lost."""
        self.pause((when_us - self.worker.context.now_us()) / US_PER_SECOND)

    def pause_until(self, event: Event) -> None:
        """Wait for an event."""
        self.interruptibly(event.wait)
