"""Which account a connection uses, and in which conversation."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from hubbub.client.accounts import Account
from hubbub.errors import NoAccount


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to hold one connection of an account in a conversation. `number` is unique within its worker.

    `place` counts within the conversation: the clients of each are spread over several hosts by it.
    """

    number: int
    account: Account
    conversation: int
    place: int = 0


class SlotPool:
    """The slots of a worker's accounts; the lowest free one is acquired first.

    They are numbered around the conversations, and within each around its accounts, so that any number of them is
    spread as evenly as the accounts allow.
    """

    def __init__(self, accounts: Iterable[Account], per_account: int) -> None:
        self._per_account = per_account
        self._slots: list[Slot] = []
        self._free: list[int] = []
        self.add(accounts)

    def add(self, accounts: Iterable[Account]) -> None:
        """More accounts, whose slots come after those that are there."""
        by_conversation: dict[int, list[Account]] = {}
        for account in accounts:
            by_conversation.setdefault(account.conversations[0], []).append(account)
        queues = {
            conversation: [account for _ in range(self._per_account) for account in members]
            for conversation, members in by_conversation.items()
        }
        for turn in range(max((len(queue) for queue in queues.values()), default=0)):
            for first, (conversation, queue) in enumerate(queues.items()):
                if turn < len(queue):
                    heapq.heappush(self._free, len(self._slots))
                    self._slots.append(Slot(len(self._slots), queue[turn], conversation, first + turn))

    def acquire(self) -> Slot:
        """A free slot. Raises NoAccount when there is none."""
        if not self._free:
            raise NoAccount(f"all {len(self._slots)} slots of this worker's accounts are taken; give more accounts.")
        return self._slots[heapq.heappop(self._free)]

    def release(self, slot: Slot) -> None:
        """The connection is gone: its slot is free again."""
        heapq.heappush(self._free, slot.number)
