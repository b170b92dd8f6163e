"""A client that cannot keep up: it reads for a moment, and then not at all for a while."""

from __future__ import annotations

from users.base import ChatUser

READS_FOR_S = 1.0
STOPS_FOR_S = 5.0
"""Long enough to fill every buffer of a busy conversation, short enough for a backend that asks for a pong in 10 s."""


class SlowReader(ChatUser):
    """Joins a conversation and receives in bursts, to show whether a backend that waits for it makes others wait.

    What a backend drops here counts as lost, and the evidence says that the reader was a slow one of ours. When sending
    has stopped it reads everything that is left.
    """

    abstract = False

    def step(self) -> None:
        """Stop reading for a while, then read for a moment."""
        assert self.session is not None
        self.session.pause_reading()
        self.pause(STOPS_FOR_S)
        self.session.resume_reading()
        self.pause(READS_FOR_S)
