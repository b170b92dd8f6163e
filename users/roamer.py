"""A client that is all over the place: reads up, types, chats, marks as read, and moves on to the next conversation."""

from __future__ import annotations

from typing import ClassVar

from hubbub import HubbubError, PhaseFailed
from users.chatter import Chatter

MESSAGES_PER_STAY = 3
HISTORY_PAGE = 50


class Roamer(Chatter):
    """Like a Chatter, but with an account of its own that is a member everywhere: after every third message it leaves
    its conversation for the next one and reads that one's history over HTTP."""

    abstract = False
    has_own_account: ClassVar[bool] = True
    comes_and_goes: ClassVar[bool] = True

    def say(self) -> None:
        """Type, send, mark as read; move on after the third message."""
        assert self.session is not None
        session = self.session
        session.type(True)
        super().say()
        session.type(False)
        session.mark_read()
        if self.plan.sent % MESSAGES_PER_STAY == 0:
            self._move_on()

    def _move_on(self) -> None:
        assert self.session is not None
        conversations = sorted(self.session.slot.account.conversations)
        here = conversations.index(self.session.conversation)
        there = conversations[(here + 1) % len(conversations)]
        try:
            if there != self.session.conversation and self.session.is_ready:
                self.session.switch(there)
            self.session.read_history(HISTORY_PAGE)
        except PhaseFailed:
            return  # counted by the session; the client gets ready again
        except HubbubError as error:
            self.worker.context.failed("history", error)
