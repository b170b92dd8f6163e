"""A client that sends its messages over HTTP, as bots, integrations and older pages do, and receives as all others."""

from __future__ import annotations

from hubbub import Contract, Identity
from hubbub.ledger import Message
from users.chatter import Chatter


class Poster(Chatter):
    """Like a Chatter, but each message is an HTTP call of its own: such messages have no order."""

    abstract = False

    @classmethod
    def needs(cls, contract: Contract) -> str:
        """Messages over HTTP."""
        return "" if contract.post_message(Identity("", 0), 0, "") else "messages over HTTP"

    def send(self, intended_us: int, text: str) -> Message | None:
        """Send a message over HTTP."""
        assert self.session is not None
        return self.session.post(intended_us, text)
