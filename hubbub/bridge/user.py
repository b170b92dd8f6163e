"""The base class of users/: a client as Locust spawns and stops it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gevent
from gevent.pool import Group
from locust import User
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from hubbub.client.client import Client


class UserGreenlet(gevent.Greenlet):  # type: ignore[misc]
    """Runs a user. A kill marks it as stopped: a GreenletExit that the user itself raises looks the same."""

    def kill(self, *arguments: Any, **more: Any) -> None:
        """End the user. Locust finds it as the greenlet's first argument."""
        if self.args:
            self.args[0].is_stopped = True
        super().kill(*arguments, **more)


def no_task(_user: ChatUser) -> None:
    """Is never called: `run` runs no tasks, and Locust warns of a user class that has none."""


class ChatUser(Client, User):  # type: ignore[misc]
    """One client. A kind of user overrides `step`, and says of itself what is declared in `Client`.

    Its whole life is `run`: Locust's own would end a user that raises without a count, and run its tasks.
    """

    abstract = True
    tasks: ClassVar[list[Any]] = [no_task]
    _state: str

    def start(self, group: Group) -> gevent.Greenlet:
        """Begin to run, in a group of greenlets."""
        self._greenlet = UserGreenlet(_run, self)
        self._group = group
        group.start(self._greenlet)
        return self._greenlet

    def run(self) -> None:
        """Wait until the worker is prepared, and live until Locust stops the user."""
        self._state = LOCUST_STATE_RUNNING
        inbox = self.environment.hubbub_inbox
        try:
            self.pause_until(inbox.prepared)
            self.live(inbox.worker)
        except BaseException:
            if not self.is_stopped:
                raise

    def stop(self, force: bool = False) -> bool:
        """Locust stops the user: at once if it waits, else when it waits next."""
        self.is_stopped = True
        return bool(super().stop(force))

    def interruptibly(self, wait: Callable[[], object]) -> None:
        """Wait in Locust's waiting state, in which `stop` ends a user at once instead of after its step."""
        if self._state == LOCUST_STATE_STOPPING:
            raise gevent.GreenletExit
        self._state = LOCUST_STATE_WAITING
        wait()
        self._state = LOCUST_STATE_RUNNING


def _run(user: ChatUser) -> None:
    user.run()
