"""A client that only listens."""

from __future__ import annotations

from hubbub.bridge.user import LONG_S, ChatUser


class Lurker(ChatUser):
    """Joins a conversation and receives. Sends nothing, so it plans nothing."""

    abstract = False

    def step(self) -> None:
        """Wait for the connection to be lost."""
        self.pause(LONG_S)
