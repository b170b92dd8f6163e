"""A client that chats: one message at every interval of its plan, or after each answer and some thinking."""

from __future__ import annotations

from typing import ClassVar

from hubbub import ChatUser, Contract
from hubbub.ledger import Message
from hubbub.pacing.plan import SendPlan, ThinkPlan

PATIENCE_S = 30.0
"""How long a client of the closed model waits for its message before it goes on without it."""

CLOSING_PAUSE_S = 0.05
"""How long to wait for the end of a connection that is closing."""


class Chatter(ChatUser):
    """Logs in, enters its conversation, connects, joins, and sends messages by its plan."""

    abstract = False
    has_plan: ClassVar[bool] = True
    awaited: Message | None = None

    @classmethod
    def needs(cls, contract: Contract) -> str:
        """Messages over the WebSocket."""
        return "" if contract.sends_frames else "messages over the WebSocket (try --mix Poster=1)"

    @property
    def plan(self) -> SendPlan | ThinkPlan:
        """When it sends."""
        return self.worker.plans.of(self.client)

    def step(self) -> None:
        """Wait for the plan's next message, and send it."""
        send_at_us = self.plan.send_at_us()
        if send_at_us is None:
            self.wait_to_be_seen(self.plan) if isinstance(self.plan, ThinkPlan) else self.pause_until_lost()
        elif send_at_us > self.worker.context.now_us():
            self.pause_until_us(send_at_us)
        else:
            self.say()

    def say(self) -> None:
        """Send the plan's next message."""
        plan, session = self.plan, self.session
        assert session is not None
        now_us = self.worker.context.now_us()
        intended_us = plan.intended_us() if isinstance(plan, SendPlan) else now_us
        assert intended_us is not None
        text = self.worker.payloads.text(self.client, plan.sent)
        if not session.can_send:
            self.pause(CLOSING_PAUSE_S)
            return
        plan.mark_sent(now_us)  # before the write, which may wait: a message is sent or unsent, and never both
        try:
            message = self.send(intended_us, text)
        finally:
            self.worker.plans.note_sent(intended_us, self.worker.context.now_us())
        if isinstance(plan, ThinkPlan):
            self.awaited = message

    def send(self, intended_us: int, text: str) -> Message | None:
        """Send one message that was meant for a time."""
        assert self.session is not None
        return self.session.send(intended_us, text)

    def wait_to_be_seen(self, plan: ThinkPlan) -> None:
        """Closed model: wait until somebody has seen the message, the connection is lost, or patience ends."""
        if not plan.is_waiting:
            self.pause_until_lost()
            return
        if self.awaited is not None and not self.awaited.is_seen:
            self.pause(PATIENCE_S, until_seen=True)
        plan.mark_seen(self.worker.context.now_us())
