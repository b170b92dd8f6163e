"""How late the generator itself may have been: its event loop, and the waits of a backend that this machine starves."""

from __future__ import annotations

from collections.abc import Callable

from hubbub.clock import Scheduler
from hubbub.health.backend_wait import BackendWait
from hubbub.health.loop import BEAT_US, LoopWatch

MAX_WAITS_OF_A_PHASE = 4
"""TCP, TLS, upgrade, and the frame that accepts the connection."""


class Lateness:
    """Answers, for everything that is timed or judged, which part the generator may have caused.

    `backend_wait` is None where the backend's processes are not known. `on_beat` is called with every heartbeat.
    """

    def __init__(self, scheduler: Scheduler, backend_wait: BackendWait | None, on_beat: Callable[[], None]) -> None:
        self._backend_wait = backend_wait
        self._on_beat = on_beat
        self.loop = LoopWatch(scheduler, self._beat)

    def _beat(self) -> None:
        self._on_beat()
        if self._backend_wait is not None:
            self._backend_wait.sample()

    def low_us(self, began_us: int, ended_us: int, waits: int = MAX_WAITS_OF_A_PHASE) -> int:
        """The part of some waits that was surely the backend's: without what we or a starved backend may have added."""
        late_us = self.loop.gaps_us(began_us, ended_us) + waits * BEAT_US
        if self._backend_wait is not None:
            late_us += self._backend_wait.waited_us(began_us, ended_us)
        return max(0, ended_us - began_us - late_us)

    def may_have_caused(self, error: Exception) -> bool:
        """Whether the generator may be the cause of an error: by what it says, or because of a long stall."""
        return getattr(error, "is_ours", False) or self.loop.may_have_been_given_up()
