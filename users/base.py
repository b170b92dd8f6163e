"""What all kinds of users share: getting a connection, keeping it, and stopping whenever Locust says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gevent
from gevent.hub import Waiter
from locust import User, task
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from hubbub.clock import US_PER_SECOND
from hubbub.errors import PhaseFailed
from hubbub.session import Session
from hubbub.swarm.crew import WorkerRun

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
LONG_S = 3600.0


class ChatUser(User):  # type: ignore[misc]
    """One client: gets ready, and is ready again after every failure, until the run ends.

    A kind of user overrides `step`, which is called again and again while the session is ready and messages may be
    sent. All waiting goes through `pause`, where Locust may stop the user at any moment.
    """

    abstract = True
    has_own_account: ClassVar[bool] = False
    comes_and_goes: ClassVar[bool] = False
    """Whether it leaves its conversation during a run, so that deliveries are excused and optional on purpose."""

    run_here: WorkerRun
    session: Session | None = None
    _state: str
    client = 0

    def step(self) -> None:
        """Do one thing, or wait for its time."""
        raise TypeError(f"{type(self).__name__} does not say what it does: override step()")

    @task  # type: ignore[untyped-decorator]
    def live(self) -> None:
        """The user's whole life. An exception of its class is an error of the generator."""
        try:
            self._live()
        except Exception as error:
            if self.session is not None:
                kind = f"user class {type(self).__name__}: {type(error).__name__}"
                self.run_here.equipment.error(kind, str(error), is_ours=True)
            raise

    def _live(self) -> None:
        crew = self.environment.hubbub_crew
        self.pause_until(crew.prepared)
        self.run_here = crew.run
        self.client = self.run_here.client_number()
        self.session = self.run_here.open_session(self.has_own_account)
        failures = 0
        while self.run_here.is_sending:
            if not self.session.is_ready:
                failures = 0 if self._get_ready(self.session) else failures + 1
                if failures:
                    self.pause(self._back_off_s(failures))
            elif not self.run_here.window.is_set():
                self.pause_until(self.run_here.window)
            else:
                self.step()
        self.pause_until(self.run_here.ended)
        self.pause(LONG_S)

    def _get_ready(self, session: Session) -> bool:
        try:
            session.establish()
        except PhaseFailed:
            return False
        return True

    def _back_off_s(self, failures: int) -> float:
        """Doubles from half a second to ten, and differs between clients so that they do not come back all at once."""
        pause_s = min(FIRST_PAUSE_S * 2.0 ** (failures - 1), LONGEST_PAUSE_S)
        return pause_s * (0.75 + (self.client * 7919 % 100) / 200)

    def on_stop(self) -> None:
        """Locust stopped the user: end its plan and its connection."""
        if self.session is not None:
            self.run_here.end_plan(self.session)
            self.run_here.close_session(self.session, self.has_own_account)
            self.session = None

    # -- waiting -----------------------------------------------------------------------------------------------------

    def pause(self, seconds: float, until_seen: bool = False) -> None:
        """Sleep; wakes early when the connection is lost, or when the newest message was seen by anyone.

        Locust may stop the user here.
        """
        waiter: Waiter[None] = Waiter()
        timer = gevent.get_hub().loop.timer(max(seconds, 0.0))
        timer.start(waiter.switch, None)
        session = self.session
        link = session.link if session is not None and until_seen else None

        def wake() -> None:
            gevent.get_hub().loop.run_callback(waiter.switch, None)

        if session is not None:
            session.on_lost = wake
        if link is not None:
            link.on_confirmed = wake
        try:
            self._interruptibly(waiter.get)
        finally:
            timer.stop()
            timer.close()
            if session is not None:
                session.on_lost = None
            if link is not None:
                link.on_confirmed = None

    def pause_until_us(self, when_us: int) -> None:
        """Sleep until a time of the run's clock, or until the connection is lost."""
        self.pause((when_us - self.run_here.equipment.clock()) / US_PER_SECOND)

    def pause_until(self, event: Any) -> None:
        """Wait for a gevent Event."""
        self._interruptibly(event.wait)

    def _interruptibly(self, wait: Callable[[], Any]) -> None:
        """Wait in Locust's waiting state, in which `stop` ends a user at once instead of after its task."""
        if self._state == LOCUST_STATE_STOPPING:
            raise gevent.GreenletExit
        self._state = LOCUST_STATE_WAITING
        wait()
        self._state = LOCUST_STATE_RUNNING
