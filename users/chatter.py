"""A client that chats: one message at every interval of its plan."""

from __future__ import annotations

from hubbub.pacing.plan import SendPlan
from users.base import LONG_S, ChatUser


class Chatter(ChatUser):
    """Logs in, enters its conversation, connects, joins, and sends a message at a constant rate."""

    abstract = False
    plan: SendPlan | None = None

    def step(self) -> None:
        """Wait for the plan's next message, and send it."""
        if self.plan is None:
            self.plan = self.run_here.plan_for(self.client, self)
        send_at_us = self.plan.send_at_us()
        if send_at_us is None:
            self.pause(LONG_S)
        elif send_at_us > self.run_here.equipment.clock():
            self.pause_until_us(send_at_us)
        else:
            self.say()

    def say(self) -> None:
        """Send the plan's next message."""
        assert self.plan is not None and self.session is not None
        intended_us = self.plan.intended_us()
        assert intended_us is not None
        text = self.run_here.corpus.text(self.client, self.plan.sent)
        if self.session.send(intended_us, text) is not None:
            self.plan.mark_sent(self.run_here.equipment.clock())
