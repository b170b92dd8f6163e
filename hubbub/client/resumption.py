"""What a client takes up again after its connection ended, where the backend promises what was missed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubbub.client.context import WorkerContext
from hubbub.client.guard import GuardedDialogue
from hubbub.contracts import Event
from hubbub.errors import BrokenContract
from hubbub.ledger import Receiver


class Resumption:
    """One client's. `previous` is what its last dialogue left for the next one, None where that begins anew."""

    __slots__ = ("_context", "_dialogue", "_suspended", "is_coming_back", "previous")

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._dialogue: GuardedDialogue | None = None
        self._suspended: Receiver | None = None
        self.previous: object = None
        self.is_coming_back = False

    def open_receiver(
        self, account: int, on_event: Callable[[Event, int], None], dialogue: GuardedDialogue
    ) -> Receiver:
        """The receiver of the next connection, which goes on where the last one ended if that was promised."""
        self._dialogue = dialogue
        suspended, self._suspended = self._suspended, None
        return self._context.ledger.open_receiver(account, on_event, dialogue, suspended)

    def drop(self) -> None:
        """A connection that chatted ended, and not by us: the client comes back for what it misses."""
        self.is_coming_back = self._context.contract.recover_s > 0

    def end(self, receiver: Receiver, now_us: int, **why: bool) -> None:
        """A connection is gone, for good or until the next one. `why` is as Ledger.close takes it."""
        self.previous = self._left_behind(receiver) if self.is_coming_back else None
        is_promised = self.previous is not None
        self._context.ledger.close(receiver, now_us, is_promised=is_promised, **why)
        self._suspended = receiver if is_promised else None
        self.is_coming_back = is_promised

    def _left_behind(self, receiver: Receiver) -> Any:
        assert self._dialogue is not None
        try:
            return self._dialogue.resume(receiver.newest_unit)
        except BrokenContract as error:
            self._context.failed("resume", error)
            return None

    def is_back(self) -> None:
        """The client is ready again."""
        self.is_coming_back = False

    def give_up(self) -> None:
        """The client does not come back."""
        suspended, self._suspended, self.is_coming_back, self.previous = self._suspended, None, False, None
        if suspended is not None:
            self._context.ledger.abandon(suspended, self._context.now_us())
