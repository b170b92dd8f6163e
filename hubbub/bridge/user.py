"""The base class of users/: a client as Locust spawns and stops it."""

from __future__ import annotations

from collections.abc import Callable

import gevent
from locust import User, task
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from hubbub.client.client import Client


class ChatUser(Client, User):  # type: ignore[misc]
    """One client. A kind of user overrides `step`, and says of itself what is declared in `Client`."""

    abstract = True
    _state: str

    @task  # type: ignore[untyped-decorator]
    def run_client(self) -> None:
        """The user's only task: its whole life. Locust's own `run` is final, so this has another name."""
        inbox = self.environment.hubbub_inbox
        self.pause_until(inbox.prepared)
        self.live(inbox.worker)

    def interruptibly(self, wait: Callable[[], object]) -> None:
        """Wait in Locust's waiting state, in which `stop` ends a user at once instead of after its task."""
        if self._state == LOCUST_STATE_STOPPING:
            raise gevent.GreenletExit
        self._state = LOCUST_STATE_WAITING
        wait()
        self._state = LOCUST_STATE_RUNNING

    def on_stop(self) -> None:
        """Locust stopped the user."""
        self.leave()
