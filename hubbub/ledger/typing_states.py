"""Who types in a conversation, as its members are told: is each change told once, with its state, and the last one?"""

from __future__ import annotations

from dataclasses import dataclass, field

from hubbub.ledger.connection import Connection
from hubbub.ledger.counts import Counts


@dataclass(slots=True)
class Typist:
    """One account that types: each state that it sent, in order, a byte for each. It has one connection."""

    account: int
    sent: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Listener:
    """One connection that is told. By the typist's user id: how many states were told or passed over, and the last."""

    account: int
    cursors: dict[int, int]
    shown: dict[int, bool] = field(default_factory=dict)


class TypingStates:
    """The typing indicators of one conversation; `counts` are the conversation's.

    A frame has no number, so an arrival is the next state of its kind that was sent: what it passes over was missed.
    """

    __slots__ = ("_counts", "_listeners", "_typists")

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._typists: dict[int, Typist] = {}
        self._listeners: dict[int, Listener] = {}

    def listen(self, connection: Connection) -> None:
        """A connection is ready: it is to be told of what is sent from now on."""
        cursors = {user: len(typist.sent) for user, typist in self._typists.items()}
        self._listeners[connection.id] = Listener(connection.account, cursors)

    def stop_listening(self, connection: Connection) -> None:
        """A connection left or is gone: what it was not told of is nobody's fault."""
        listener = self._listeners.pop(connection.id, None)
        if listener is not None:
            self._counts.typing_excused += sum(
                len(typist.sent) - listener.cursors.get(user, 0)
                for user, typist in self._typists.items()
                if typist.account != listener.account
            )

    def sent(self, connection: Connection, user_id: int, is_typing: bool) -> None:
        """An account told the backend that it types, or does not any more."""
        typist = self._typists.setdefault(user_id, Typist(connection.account))
        typist.sent.append(is_typing)
        self._counts.typing_sent += 1
        self._counts.typing_due += sum(each.account != typist.account for each in self._listeners.values())

    def told(self, connection: Connection, user_id: int, state: bool | None) -> None:
        """A connection was told of a user; `state` is None where the frame does not say what."""
        typist, listener = self._typists.get(user_id), self._listeners.get(connection.id)
        if typist is None or listener is None or typist.account == listener.account:
            return
        cursor = listener.cursors.get(user_id, 0)
        at = typist.sent.find(state, cursor) if state is not None else cursor
        if not 0 <= at < len(typist.sent):
            self._counts.typing_wrong += 1
            return
        listener.cursors[user_id] = at + 1
        if state is None:
            self._counts.typing_stateless += 1
        else:
            self._counts.typing_told += 1
            listener.shown[user_id] = state

    def finish(self) -> None:
        """Nothing is told any more: who is shown what is not so?"""
        for listener in self._listeners.values():
            for user, state in listener.shown.items():
                self._counts.typing_stuck += state != self._typists[user].sent[-1]
        self._listeners.clear()
