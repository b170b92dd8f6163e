"""A client that only listens."""

from __future__ import annotations

from hubbub import ChatUser


class Lurker(ChatUser):
    """Joins a conversation and receives. Sends nothing, so it plans nothing."""

    abstract = False

    def step(self) -> None:
        """Wait for the connection to be lost."""
        self.pause_until_lost()
