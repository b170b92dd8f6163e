"""A client whose connection ends and is there again at once, as at a reload of the page or a change of the network."""

from __future__ import annotations

from typing import ClassVar

from hubbub import PhaseFailed
from users.chatter import Chatter

MESSAGES_PER_CONNECTION = 3
ECHO_S = 1.0
"""How long it waits for its last message before it goes, so that going hides nothing."""


class Reconnector(Chatter):
    """Like a Chatter, but with an account of its own: after every third message it closes its connection and makes a
    new one at once. Within a backend's grace it was never offline for the others (`presence` in the summary)."""

    abstract = False
    has_own_account: ClassVar[bool] = True
    comes_and_goes: ClassVar[bool] = True

    def say(self) -> None:
        """Send; connect anew after the third message."""
        super().say()
        if self.plan.sent % MESSAGES_PER_CONNECTION or self.session is None:
            return
        self.pause(ECHO_S, until_seen=True)
        if self.worker.is_sending:
            self._reconnect()

    def _reconnect(self) -> None:
        assert self.session is not None
        self.session.close()
        try:
            self.session.establish()
        except PhaseFailed:
            return  # counted by the session; the client gets ready again
