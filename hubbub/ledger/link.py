"""A connection as the ledger sees it: what arrives on it, and where it goes.

The fast path lives here. A backend that fans a message out sends the same frame to everyone in the room, so a delivery
is taken by comparing it with the frame that the room's first receiver got: one memory comparison checks frame header,
type, tag and text at once, and nothing is parsed. Where frames differ from receiver to receiver, the tag alone is
compared, and one delivery in 64 is parsed to check its text. Everything else takes the slow path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from hubbub.ledger.tag import MARKER, TAG_WIDTH

if TYPE_CHECKING:
    from hubbub.ledger.conversation import Conversation, Seat
    from hubbub.ledger.ledger import Ledger
    from hubbub.ledger.message import Message, Sender

TEXT_CHECK_EVERY = 64

REOPENING_US = 1_000_000
"""How long a backend may take to send what it kept while our receive window was closed."""

UNKNOWN_US = 0
"""When a delivery arrived that could have come earlier, had the generator read: its low end is 0."""


class Recogniser(Protocol):
    """What the ledger needs of a contract: `hubbub.contracts` has the whole of it."""

    @property
    def delivery_prefix(self) -> bytes: ...

    def recognise(self, payload: bytes) -> Any: ...


class Link:
    """One connection. Feed `on_message` with every text frame; whatever is not a delivery goes to `on_event`.

    `note` says what is known of the connection that explains an anomaly; `explain` adds to it. `is_timed` says whether
    the times of what arrives here count. `doubted_us` is the last time at which the generator may have caused a loss.
    `on_confirmed` is called when the link's newest message was seen for the first time, by anyone.
    """

    __slots__ = (
        "_since_check",
        "account",
        "doubted_us",
        "is_timed",
        "ledger",
        "note",
        "on_confirmed",
        "on_event",
        "others",
        "seat",
        "sender",
    )

    def __init__(self, ledger: Ledger, account: int, sender: Sender, on_event: Callable[[Any, int], None]) -> None:
        self.ledger = ledger
        self.account = account
        self.sender = sender
        sender.link = self
        self.on_event = on_event
        self.seat: Seat | None = None
        self.others: tuple[Seat, ...] = ()
        self._since_check = 0
        self.note = ""
        self.is_timed = True
        self.doubted_us = -1
        self.on_confirmed: Callable[[], None] | None = None

    def explain(self, why: str) -> None:
        """Something is known of this connection that explains losses, such as that the backend dropped messages."""
        if why not in self.note:
            self.note = f"{self.note}; {why}" if self.note else why

    def doubt(self, why: str, now_us: int) -> None:
        """The generator itself may have caused losses here until now: those of messages sent before are not proven."""
        self.explain(why)
        self.doubted_us = now_us

    def on_window_closed(self, now_us: int) -> None:
        """The backend could not send here for a while, because the generator did not read.

        Its own queue for this connection is still full then, so the doubt lasts until that had its time.
        """
        self.doubt("the generator did not read, and its receive window closed", now_us + REOPENING_US)

    def arrived_us(self, message: Message, arrived_us: int) -> int:
        """When a message can have reached this machine at the earliest, had the generator always read in time."""
        return arrived_us if message.sent_us > self.doubted_us else UNKNOWN_US

    def stop_timing(self, why: str) -> None:
        """From now on deliveries here are late, or lost, by our own doing: they are counted, and not timed."""
        self.explain(why)
        self.is_timed = False
        for seat in self.seats():
            seat.is_plain = False

    def take_known(self, buffer: bytearray, start: int, end: int, now_us: int, arrived_us: int, earlier_us: int) -> int:
        """Take the frames from `start` on that are the next messages of the log, byte for byte; returns where they end.

        This runs for every delivery, so it does by itself what Ledger.take_next does. At a seat that is not plain each
        delivery has to be looked at: it may have been decided already.
        """
        seat = self.seat
        if seat is None or not seat.is_plain:
            return start
        log, cursor = seat.conversation.log, seat.cursor
        ready_us, own, doubted_us = seat.ready_us, seat.own, self.doubted_us
        while cursor < len(log):
            message = log[cursor]
            frame = message.frame
            if frame is None or not buffer.startswith(frame, start, end):
                if message.sender is not own:
                    break
                cursor += 1  # without an echo it never comes
                continue
            start += len(frame)
            cursor += 1
            if ready_us <= message.intended_us and message.sender is not own:
                message.arrivals.append(now_us)
                is_known = message.sent_us > doubted_us
                message.arrived.append((arrived_us if start == end else earlier_us) if is_known else UNKNOWN_US)
            else:
                self.ledger.not_due(seat, message, now_us)
        seat.cursor = cursor
        return start

    def on_message(self, payload: bytes, now_us: int, arrived_us: int, frame: bytes | None = None) -> None:
        """Take one text message that was read at `now_us`, in `frame` if it came in one piece."""
        contract = self.ledger.contract
        if payload.startswith(contract.delivery_prefix) and self._is_next(payload):
            assert self.seat is not None
            self.ledger.take_next(self.seat, now_us, arrived_us)
            return
        event = contract.recognise(payload)
        if event.is_delivery:
            self.ledger.take(self, event, now_us, arrived_us, frame)
        else:
            self.on_event(event, now_us)

    def _is_next(self, payload: bytes) -> bool:
        """Whether a delivery carries the tag of the message that is expected next.

        The first delivery of a message is not taken this way: it is parsed, its text checked, its frame remembered.
        """
        seat = self.seat
        if seat is None or not seat.is_plain or seat.cursor >= len(seat.conversation.log):
            return False
        message = seat.conversation.log[seat.cursor]
        if message.tag is None or not (message.arrivals or message.last_us):
            return False
        at = payload.find(MARKER)
        if at < 0 or payload[at : at + TAG_WIDTH] != message.tag:
            return False
        self._since_check = (self._since_check + 1) % TEXT_CHECK_EVERY
        return self._since_check != 0

    def seats(self) -> list[Seat]:
        """All seats of this link, the current one first; at most one for each conversation."""
        current = [self.seat] if self.seat is not None else []
        return current + list(self.others)

    def seat_in(self, conversation: Conversation) -> Seat:
        """The link's seat in a conversation, opened where there is none."""
        return self.find_seat(conversation) or self.open_seat(conversation)

    def find_seat(self, conversation: Conversation) -> Seat | None:
        """The link's seat in a conversation; None where there is none."""
        if self.seat is not None and self.seat.conversation is conversation:
            return self.seat
        return next((seat for seat in self.others if seat.conversation is conversation), None)

    def open_seat(self, conversation: Conversation) -> Seat:
        """The link's seat in a conversation that it joins, and the one that the fast path looks at from now on."""
        seat = self.find_seat(conversation)
        if seat is None:
            seat = conversation.open_seat(self)
        elif seat.has_ended:
            seat.reopen()
        self.seat, self.others = seat, tuple(other for other in self.seats() if other is not seat)
        return seat
