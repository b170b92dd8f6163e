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
from hubbub.contracts import Contract
from hubbub.errors import Failure, NoAccount, Owner, PhaseFailed, described

SHORT_US = 5 * US_PER_SECOND
"""A connection that lives no longer than this has failed: whoever makes another one at once makes a storm."""

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

    def conversation_of(self, client: int) -> int:
        """The index of the conversation that a client without a session counts to."""

    def open_session(self, has_own_account: bool) -> Session:
        """A session for a client that starts, on a slot of its own. Raises NoAccount when no slot is free."""

    def close_session(self, session: Session, has_own_account: bool) -> None:
        """The session's client stops: close it, and release its slot."""


class Client:
    """A kind of client overrides `step`, which is called again and again while it is ready and messages may be sent.

    All waiting goes through `pause`, `pause_until_us` and `pause_until`. What it raises, in `on_start`, `step` or
    `on_stop`, is counted and ends this life of it; after a pause the client begins anew, in the same place.
    """

    weight: float = 1
    """Its share of a mix, compared with the weights of the others."""
    has_own_account: ClassVar[bool] = False
    """Whether it needs an account that no other client uses, and that is a member of every conversation."""
    comes_and_goes: ClassVar[bool] = False
    """Whether it leaves its conversation during a run, so that deliveries are excused and optional on purpose."""
    has_plan: ClassVar[bool] = False
    """Whether it sends messages by a plan, so that those it does not send are missing."""

    @classmethod
    def needs(cls, _contract: Contract) -> str:
        """What it needs that a contract does not have, such as `messages over HTTP`; "" where nothing is missing."""
        return ""

    worker: ClientWorker
    session: Session | None = None
    client = 0
    is_stopped = False
    """Whether who asked for the client has stopped it: what it raises from then on is no loss."""

    def on_start(self) -> None:
        """Called before the client gets ready."""

    def on_stop(self) -> None:
        """Called when the client is stopped."""

    def step(self) -> None:
        """Do one thing, or wait for its time."""
        raise TypeError(f"{type(self).__name__} does not say what it does: override step()")

    def interruptibly(self, wait: Callable[[], object]) -> None:
        """Call a function that blocks; who asked for the client may stop it meanwhile."""
        wait()

    # -- its lives ---------------------------------------------------------------------------------------------------

    def live(self, worker: ClientWorker) -> None:
        """Live on a worker that is prepared until the client is stopped, one life after another if need be."""
        self.worker = worker
        self.client = worker.number_client()
        worker.context.population.ask(self.client)
        if self.has_plan:
            worker.plans.ask(self.client, worker.conversation_of(self.client))
        lives = 0
        try:
            while worker.is_sending and not self._has_lived_to_the_end():
                lives += 1
                self._part_with_session()
                self.pause(back_off_s(lives, self.client))
            self.pause_until(worker.ended)
            self.pause(LONG_S)
        finally:
            self._leave()

    def _has_lived_to_the_end(self) -> bool:
        """One life; False if an exception ended it, which is counted."""
        place = "on_start"
        try:
            self.on_start()
            place = "step"
            self._chat()
        except BaseException as error:  # whatever a user class raises concerns this client alone
            if self.is_stopped:
                raise
            self._count(error, place, is_loss=self.worker.is_sending)
            return False
        return True

    def _count(self, error: BaseException, place: str, is_loss: bool) -> None:
        context = self.worker.context
        if isinstance(error, NoAccount):
            kind = "no account"
        else:
            kind = f"user class {type(self).__name__} in {place}: {type(error).__name__}"
            context.explain_once(error)
        context.error(Failure(kind, owner=Owner.GENERATOR), described(error))
        if is_loss:
            context.population.lose(self.client, kind)

    def _chat(self) -> None:
        worker = self.worker
        self.session = worker.open_session(self.has_own_account)
        failures, ready_us, since_us = 0, 0, 0
        while worker.is_sending:
            if not self.session.is_ready:
                if since_us and worker.context.now_us() - since_us > SHORT_US:
                    failures = 0
                elif failures:
                    self.pause(back_off_s(failures, self.client))
                failures += 1
                since_us = worker.context.now_us() if self._get_ready(self.session) else 0
            elif not ready_us:
                ready_us = worker.context.now_us()
                worker.context.population.joined(self.client)
                self.pause_until(worker.window)
                if self.has_plan and worker.is_sending:
                    worker.plans.begin(self.client, self.session.conversation, ready_us)
            else:
                self.step()

    def _get_ready(self, session: Session) -> bool:
        try:
            session.establish()
        except PhaseFailed:
            return False
        return True

    def _part_with_session(self) -> None:
        """Close the connection, and give its slot back. Idempotent."""
        session, self.session = self.session, None
        if session is not None:
            self.worker.close_session(session, self.has_own_account)

    def _leave(self) -> None:
        """The client was stopped: end its plan and its connection."""
        worker = self.worker
        try:
            self.on_stop()
        except BaseException as error:
            error.__context__ = None  # that it was stopped meanwhile explains nothing
            self._count(error, "on_stop", is_loss=False)
        worker.plans.leave(self.client)
        worker.context.population.leave(self.client)
        self._part_with_session()

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
