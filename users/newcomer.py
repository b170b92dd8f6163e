"""A client that comes into a conversation while others talk, and leaves it for a while: its membership changes."""

from __future__ import annotations

from typing import ClassVar

from hubbub import Contract, HubbubError, Identity, PhaseFailed
from users.chatter import Chatter

MESSAGES_PER_STAY = 3
AWAY_US = 2_000_000
HISTORY_PAGE = 50


class Newcomer(Chatter):
    """Like a Chatter, but with an account of its own: after every third message it ends its membership over HTTP, and
    before its next one it becomes a member again over HTTP, subscribes, and reads what was said.

    What reaches it meanwhile was not for it (leaked); what it misses once its join is confirmed is lost.
    """

    abstract = False
    has_own_account: ClassVar[bool] = True
    comes_and_goes: ClassVar[bool] = True

    @classmethod
    def needs(cls, contract: Contract) -> str:
        """Members that come and go over HTTP."""
        leaves = contract.leave_conversation(Identity("", 0), 0) is not None
        return super().needs(contract) if leaves else "members that leave over HTTP"

    def say(self) -> None:
        """Send; go away after the third message."""
        super().say()
        if self.plan.sent % MESSAGES_PER_STAY == 0:
            self._go_away()

    def _go_away(self) -> None:
        assert self.session is not None
        session, context = self.session, self.worker.context
        now_us = context.now_us()
        next_us = self.plan.send_at_us() or now_us + 2 * AWAY_US
        session.end_membership()
        self.pause_until_us(now_us + min(AWAY_US, (next_us - now_us) // 2))
        if not self.worker.is_sending:
            return
        try:
            session.become_member()
            session.read_history(HISTORY_PAGE)
        except PhaseFailed:
            return  # counted by the session; the client gets ready again
        except HubbubError as error:
            context.failed("history", error)
