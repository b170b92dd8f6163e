"""Is an account that is connected shown to others as offline?

Who comes back within a backend's grace was never offline for the others. A backend that says "offline" when the grace
is over, without looking again, shows it as offline from then on.
"""

from __future__ import annotations

from collections import Counter

from hubbub.contracts import Id
from hubbub.ledger.ledger import SETTLE_US
from hubbub.metrics.phase_stats import Connections

MOST = 10_000
"""So many are looked at again at the same time; a backend that shows more as offline is found all the same."""


class Presence:
    """The accounts of one worker, by the backend's ids, and what its connections were told of them.

    That an account is offline is wrong where it is connected, stays so, and the same connection is not told within the
    settling time that it is online. What was told, and what of it was wrong, is counted in `counts`.
    """

    def __init__(self, counts: Connections) -> None:
        self._counts = counts
        self._connections: Counter[Id] = Counter()
        self._offline: dict[tuple[int, Id], int] = {}

    def connected(self, user_id: Id) -> None:
        """The backend accepted a connection of an account."""
        self._connections[user_id] += 1

    def disconnected(self, user_id: Id) -> None:
        """A connection of an account ended."""
        self._connections[user_id] -= 1
        if not self._connections[user_id]:
            self._forget({key for key in self._offline if key[1] == user_id})

    def gone(self, connection: int) -> None:
        """A connection that was told of others is gone."""
        self._forget({key for key in self._offline if key[0] == connection})

    def status(self, connection: int, user_id: Id, is_online: bool, now_us: int) -> None:
        """A connection was told of an account; those of other runs and of people are ignored."""
        if user_id not in self._connections:
            return
        self._counts.presence_told += 1
        if is_online:
            self._offline.pop((connection, user_id), None)
        elif self._connections[user_id] and len(self._offline) < MOST:
            self._offline.setdefault((connection, user_id), now_us)

    def decide(self, now_us: int) -> None:
        """What was not put right in its time is wrong."""
        wrong = {key for key, told_us in self._offline.items() if now_us - told_us >= SETTLE_US}
        self._counts.presence_wrong += len(wrong)
        self._forget(wrong)

    def _forget(self, keys: set[tuple[int, Id]]) -> None:
        for key in keys:
            del self._offline[key]
