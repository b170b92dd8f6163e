"""A client that cannot keep up: it reads for a moment, and then not at all for a while."""

from __future__ import annotations

from hubbub import ChatUser
from hubbub.pacing.plan import phase_us

READS_FOR_S = 1.0
"""Long enough to read what four seconds have left in the buffers."""

STOPS_FOR_S = 4.0
"""Long enough to fill every buffer of a busy conversation; shorter than the time after which a delivery is lost."""


class SlowReader(ChatUser):
    """Joins a conversation and receives in bursts, to show whether a backend that waits for it makes others wait.

    What arrives here is counted and not timed, because that it is late is our own doing. What the backend drops is
    lost, and the evidence says that the reader was a slow one of ours. Before it leaves, and when sending has stopped,
    it reads what is left.
    """

    abstract = False
    has_begun = False

    def step(self) -> None:
        """Stop reading for a while, then read for a moment; not all slow readers at the same time."""
        assert self.session is not None
        if not self.has_begun:
            self.has_begun = True
            self.pause(phase_us(self.client, round(1e6 * (STOPS_FOR_S + READS_FOR_S))) / 1e6)
            return
        self.session.pause_reading()
        self.pause(STOPS_FOR_S)
        self.session.resume_reading()
        self.pause(READS_FOR_S)
