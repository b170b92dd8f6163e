"""Who types in a conversation, as its members are told: is each change told once, with its state, and the last one?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hubbub.ledger.connection import Connection
from hubbub.ledger.counts import Counts

ON_THE_WAY_US, MOST_ON_THE_WAY = 5_000_000, 50
"""So long a frame may be on its way to a connection that joins meanwhile, and so many of one account are."""


@dataclass(slots=True)
class Typist:
    """One account that types: each state that it sent, in order, a byte for each; and the last ones with their times.

    It has one connection.
    """

    account: int
    sent: bytearray = field(default_factory=bytearray)
    recent: deque[tuple[int, bool]] = field(default_factory=lambda: deque(maxlen=MOST_ON_THE_WAY))


@dataclass(slots=True)
class Listener:
    """One connection that is told. By the typist's user id: how many states were told or passed over, and the last.

    `early` are states that were on their way when it began to listen: they may come, and are not due.
    """

    account: int
    cursors: dict[str | int, int]
    early: dict[str | int, list[bool]]
    shown: dict[str | int, bool] = field(default_factory=dict)


class TypingStates:
    """The typing indicators of one conversation; `counts` are the conversation's.

    A frame has no number, so an arrival is the next state of its kind that was sent: what it passes over was missed.
    """

    __slots__ = ("_counts", "_listeners", "_typists")

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._typists: dict[str | int, Typist] = {}
        self._listeners: dict[int, Listener] = {}

    def listen(self, connection: Connection, now_us: int) -> None:
        """A connection is ready: it is to be told of what is sent from now on."""
        cursors = {user: len(typist.sent) for user, typist in self._typists.items()}
        early = {
            user: [state for sent_us, state in typist.recent if now_us - sent_us < ON_THE_WAY_US]
            for user, typist in self._typists.items()
        }
        self._listeners[connection.id] = Listener(connection.account, cursors, early)

    def stop_listening(self, connection: Connection) -> None:
        """A connection left or is gone: what it was not told of is excused."""
        self._excuse(connection.id)

    def _excuse(self, connection: int) -> None:
        listener = self._listeners.pop(connection, None)
        if listener is not None:
            self._counts.typing_excused += sum(
                len(typist.sent) - listener.cursors.get(user, 0)
                for user, typist in self._typists.items()
                if typist.account != listener.account
            )

    def sent(self, connection: Connection, user_id: str | int, is_typing: bool, now_us: int) -> None:
        """An account told the backend that it types, or does not any more."""
        typist = self._typists.setdefault(user_id, Typist(connection.account))
        typist.sent.append(is_typing)
        typist.recent.append((now_us, is_typing))
        self._counts.typing_sent += 1
        self._counts.typing_due += sum(each.account != typist.account for each in self._listeners.values())

    def told(self, connection: Connection, user_id: str | int, state: bool | None) -> None:
        """A connection was told of a user; `state` is None where the frame does not say what."""
        typist, listener = self._typists.get(user_id), self._listeners.get(connection.id)
        if typist is None or listener is None or typist.account == listener.account:
            return
        cursor = listener.cursors.get(user_id, 0)
        at = typist.sent.find(state, cursor) if state is not None else cursor
        if not 0 <= at < len(typist.sent):
            self._take_early(listener, user_id, state)
            return
        listener.cursors[user_id] = at + 1
        if state is None:
            self._counts.typing_stateless += 1
        else:
            self._counts.typing_told += 1
            listener.shown[user_id] = state

    def _take_early(self, listener: Listener, user_id: str | int, state: bool | None) -> None:
        """Nothing of the kind is due: it was on its way when the connection began to listen, or it is wrong."""
        early = listener.early.get(user_id, [])
        at = next((place for place, each in enumerate(early) if state in (None, each)), None)
        if at is None:
            self._counts.typing_wrong += 1
        else:
            del early[: at + 1]

    def finish(self, is_hurried: bool = False) -> None:
        """Nothing is told any more: who is shown what is not so? Where the end was hurried, it may be on its way."""
        for connection in list(self._listeners) if is_hurried else ():
            self._excuse(connection)
        for listener in self._listeners.values():
            for user, state in listener.shown.items():
                self._counts.typing_stuck += state != self._typists[user].sent[-1]
        self._listeners.clear()
