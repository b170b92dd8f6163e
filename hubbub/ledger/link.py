"""A connection as the ledger sees it: what arrives on it, and where it goes.

The fast path starts here: a delivery that carries the tag of the message its conversation's log has next is taken
without parsing what surrounds the tag. One in 64 is parsed all the same, to check its text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from hubbub.ledger.message import Sender
from hubbub.ledger.tag import MARKER, TAG_WIDTH

if TYPE_CHECKING:
    from hubbub.ledger.conversation import Conversation, Seat
    from hubbub.ledger.ledger import Ledger

TEXT_CHECK_EVERY = 64


class Recogniser(Protocol):
    """What the ledger needs of a contract: `hubbub.contracts` has the whole of it."""

    @property
    def delivery_prefix(self) -> bytes: ...

    def recognise(self, payload: bytes) -> Any: ...


class Link:
    """One connection. Feed `on_text` with every text frame; whatever is not a delivery goes to `on_event`."""

    __slots__ = ("_since_check", "account", "ledger", "on_event", "others", "seat", "sender")

    def __init__(self, ledger: Ledger, account: int, sender: Sender, on_event: Callable[[Any, int], None]) -> None:
        self.ledger = ledger
        self.account = account
        self.sender = sender
        self.on_event = on_event
        self.seat: Seat | None = None
        self.others: tuple[Seat, ...] = ()
        self._since_check = 0

    def on_text(self, payload: bytes, now_us: int) -> None:
        """Take one text frame that arrived at `now_us`."""
        contract = self.ledger.contract
        if payload.startswith(contract.delivery_prefix) and self._is_next(payload):
            assert self.seat is not None
            self.ledger.take_next(self.seat, now_us)
            return
        event = contract.recognise(payload)
        if event.is_delivery:
            self.ledger.take(self, event, now_us)
        else:
            self.on_event(event, now_us)

    def _is_next(self, payload: bytes) -> bool:
        """Whether a delivery carries the tag of the message that is expected next."""
        seat = self.seat
        if seat is None or seat.cursor >= len(seat.conversation.log):
            return False
        at = payload.find(MARKER)
        if at < 0 or payload[at : at + TAG_WIDTH] != seat.conversation.log[seat.cursor].tag:
            return False
        self._since_check = (self._since_check + 1) % TEXT_CHECK_EVERY
        return self._since_check != 0

    def seats(self) -> list[Seat]:
        """All seats of this link, the current one first; at most one for each conversation."""
        current = [self.seat] if self.seat is not None else []
        return current + list(self.others)

    def seat_in(self, conversation: Conversation) -> Seat:
        """The link's seat in a conversation, opened where there is none."""
        for seat in self.seats():
            if seat.conversation is conversation:
                return seat
        return self.open_seat(conversation)

    def open_seat(self, conversation: Conversation) -> Seat:
        """A new seat in a conversation, and the one that the fast path looks at from now on.

        It takes the place of an earlier one in the same conversation, and remembers what that one had missed.
        """
        seat = conversation.open_seat(self)
        kept = []
        for earlier in self.seats():
            if earlier.conversation is conversation:
                seat.missed, seat.early = earlier.missed, earlier.early
                conversation.remove_seat(earlier)
            else:
                kept.append(earlier)
        self.seat, self.others = seat, tuple(kept)
        return seat
