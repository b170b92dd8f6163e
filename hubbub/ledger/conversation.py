"""A conversation's log of messages, and the seats from which connections follow it.

The log holds messages in the order in which this worker first saw them. It is an optimisation, never the reference: a
seat's cursor stands on the message it most likely gets next, messages it passed over are its holes, and whether an
arrival is in order is judged per sender. The log is trimmed as soon as every seat has what it is due.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort
from typing import TYPE_CHECKING, NamedTuple

from hubbub.ledger.counts import Counts
from hubbub.ledger.message import NEVER_US, Message

if TYPE_CHECKING:
    from hubbub.ledger.figures import Figures
    from hubbub.ledger.link import Link
    from hubbub.ledger.message import Sender


SETTLED_AT_ONCE = 8

REMEMBER_ENDED_US = 600_000_000
"""How long a seat that ended can still be due a message that was meant to be sent before: longer than any backlog."""


class EndedSeat(NamedTuple):
    """What is kept of a seat that ended, for messages that nobody had seen by then. `absent` is the seat's own."""

    ready_us: int
    ended_us: int
    absent: dict[int, bool]
    receiver: int
    account: int
    note: str
    is_timed: bool
    doubted_us: int


class Conversation:
    """One conversation of this worker. `index` names it in tags, `id` is the backend's name for it.

    `has_echo` says whether the backend sends a message back to its sender. `members` are the account indexes that may
    receive it. `counts` are what became of its messages. `seen` are the keys of all messages that anyone has seen, in
    a conversation that will be compared with its history: 8 bytes each. `is_read_back`: its history was read.
    """

    __slots__ = (
        *("_open_ready_us", "base", "counts", "ended", "has_echo", "id"),
        *("index", "is_read_back", "log", "members", "seats", "seen", "settled_until"),
    )

    def __init__(self, index: int, backend_id: int, members: frozenset[int], has_echo: bool) -> None:
        self.index = index
        self.id = backend_id
        self.members = members
        self.has_echo = has_echo
        self.log: list[Message] = []
        self.base = 0
        self.seats: list[Seat] = []
        self.ended: list[EndedSeat] = []
        self.counts = Counts()
        self.is_read_back = False
        self.settled_until = 0
        self.seen: array[int] | None = None
        self._open_ready_us: list[int] = []

    def __repr__(self) -> str:
        return f"<Conversation {self.index}: {len(self.seats)} seats, {len(self.log)} messages from {self.base}>"

    def remember_seen(self) -> None:
        """Remember the key of every message that anyone sees, to compare them with the history."""
        self.seen = array("Q")

    def open_seat(self, link: Link) -> Seat:
        """A seat for a connection that asked to join, or that receives through its account. Not ready yet."""
        seat = Seat(link, self)
        self.seats.append(seat)
        return seat

    def seat_is_ready(self, seat: Seat, now_us: int) -> None:
        """The backend confirmed the seat's join: from now on it is due messages."""
        seat.ready_us = now_us
        insort(self._open_ready_us, now_us)

    def seat_ended(self, seat: Seat, now_us: int) -> None:
        """The seat's connection left or died: it is due nothing that is intended from now on."""
        seat.ended_us = now_us
        seat.is_plain = False
        if seat.ready_us != NEVER_US:
            del self._open_ready_us[bisect_right(self._open_ready_us, seat.ready_us) - 1]
            link = seat.link
            known = (link.sender.id, link.account, link.note, link.is_timed, link.doubted_us)
            self.ended.append(EndedSeat(seat.ready_us, now_us, seat.absent, *known))

    def remove_seat(self, seat: Seat) -> None:
        """The seat's connection is closed: nothing can arrive any more."""
        self.seats.remove(seat)

    def append(self, message: Message) -> None:
        """Give a message its place in the log.

        A message that was overtaken by a later one of its sender is never matched on the fast path, because whether
        it is in order has to be looked at for each receiver.
        """
        message.position = self.base + len(self.log)
        self.log.append(message)
        if message.sender.last_confirmed > message.number:
            message.tag = message.frame = None

    def settle_some(self, figures: Figures) -> None:
        """Another message comes: take in arrivals of the oldest ones, a few now instead of everything once a second."""
        index = max(0, self.settled_until - self.base)
        for message in self.log[index : index + SETTLED_AT_ONCE]:
            if message.arrivals:
                if not figures.is_ready(message):
                    break
                figures.settle(message)
            index += 1
        self.settled_until = self.base + index

    @property
    def in_flight(self) -> int:
        """How many due deliveries of the log have not arrived; without those of rooms that will never be complete."""
        return sum(max(0, message.remaining - len(message.arrivals)) for message in self.log)

    def forget_low_ends(self) -> None:
        """What is known of the low ends of the messages of the log cannot be believed."""
        for message in self.log:
            message.low_us = 0

    def open_due(self, message: Message) -> int:
        """How many open seats were ready at the message's intended time, its own sender only where there is an echo."""
        due = bisect_right(self._open_ready_us, message.intended_us)
        if not self.has_echo and message.sender.link is not None:
            own = message.sender.link.find_seat(self)
            due -= own is not None and own.is_ready_at(message)
        return due

    def ended_due(self, message: Message) -> list[EndedSeat]:
        """The seats that were ready at the message's intended time and are not open any more."""
        never = None if self.has_echo else message.sender.id
        return [
            seat
            for seat in self.ended
            if seat.ready_us <= message.intended_us < seat.ended_us and seat.receiver != never
        ]

    def trim(self, sent_before_us: int, now_us: int) -> None:
        """Forget the messages at the head of the log that were sent before a time and that no seat waits for.

        Seats that ended a while ago are forgotten, too.
        """
        self.ended = [seat for seat in self.ended if now_us - seat.ended_us <= REMEMBER_ENDED_US]
        waiting = (seat.first_missing() for seat in self.seats if not seat.has_ended)
        keep_from = min(waiting, default=len(self.log))
        count = 0
        while count < keep_from and self.log[count].sent_us < sent_before_us:
            count += 1
        if count:
            forgotten = self.log[:count]
            del self.log[:count]
            self.base += count
            for message in forgotten:
                message.sender.forget(message)
            for seat in self.seats:
                seat.forget(forgotten)


class Seat:
    """One connection's view of one conversation. `own` is the link's sender where it gets no echo, else None.

    `cursor` is the index in the log of the message it most likely gets next; `holes` are the earlier ones that have
    not arrived, with the time at which each was passed over; `absent` are the keys of those that it does not wait for
    any more, and whether they were due, and so are lost or excused; `early` those of messages older than the seat, or
    absent, that arrived all the same. `stays` are the times, from ready until ended, of the connection's earlier stays
    in the conversation. A seat is plain while nothing has to be looked at but what comes next.
    """

    __slots__ = (
        *("absent", "conversation", "cursor", "early", "ended_us", "holes", "is_plain"),
        *("link", "own", "ready_us", "start", "stays"),
    )

    def __init__(self, link: Link, conversation: Conversation) -> None:
        self.link = link
        self.conversation = conversation
        self.own: Sender | None = None if conversation.has_echo else link.sender
        self.cursor = len(conversation.log)
        self.start = conversation.base + self.cursor
        self.ready_us = NEVER_US
        self.ended_us = NEVER_US
        self.is_plain = link.is_timed
        self.holes: dict[Message, int] = {}
        self.absent: dict[int, bool] = {}
        self.early: set[int] = set()
        self.stays: tuple[tuple[int, int], ...] = ()

    def reopen(self) -> None:
        """The connection joins again after it left: it waits for nothing that was in the log before."""
        oldest_us = self.ended_us - REMEMBER_ENDED_US
        kept = tuple(stay for stay in self.stays if stay[1] >= oldest_us)
        self.stays = (*kept, (self.ready_us, self.ended_us))
        self.skip_all()
        self.ready_us = self.ended_us = NEVER_US
        self.is_plain = self.link.is_timed

    def had(self, key: int, intended_us: int) -> bool:
        """Whether a message that left the log has arrived on this connection."""
        if key in self.absent or key in self.early:
            return key in self.early
        stays = (*self.stays, (self.ready_us, self.ended_us))
        return any(ready_us <= intended_us < ended_us for ready_us, ended_us in stays)

    @property
    def has_ended(self) -> bool:
        """Whether the connection has left, or is gone."""
        return self.ended_us != NEVER_US

    def is_ready_at(self, message: Message) -> bool:
        """Whether the seat is open, and was ready when the message was meant to be sent."""
        return not self.has_ended and self.ready_us <= message.intended_us

    def is_due(self, message: Message) -> bool:
        """Whether the seat has to get the message."""
        return self.is_ready_at(message) and message.sender is not self.own

    @property
    def is_waiting(self) -> bool:
        """Whether there are messages of the log that may still come."""
        return not self.has_ended and (bool(self.holes) or self.cursor < len(self.conversation.log))

    def first_missing(self) -> int:
        """The index in the log of the first message that is not here, or the cursor."""
        base = self.conversation.base
        return min(message.position - base for message in self.holes) if self.holes else self.cursor

    def missing(self) -> list[Message]:
        """The messages of the log that are not here."""
        return [*self.holes, *self.conversation.log[self.cursor :]]

    def has(self, message: Message) -> bool:
        """Whether a copy of a message of the log has arrived here."""
        if message.key in self.absent or message in self.holes or message.position < 0:
            return False
        if message.position < self.start:
            return message.key in self.early
        return message.position - self.conversation.base < self.cursor

    def arrived(self, message: Message, now_us: int) -> bool:
        """Note a copy of a message of the log; False when there was one already.

        Messages that the cursor passes over are holes from now on.
        """
        index = message.position - self.conversation.base
        if index < self.cursor:
            return self.holes.pop(message, None) is not None
        for skipped in self.conversation.log[self.cursor : index]:
            self.holes[skipped] = now_us
        self.cursor = index + 1
        return True

    def skip_all(self) -> None:
        """Wait for nothing of the log any more."""
        for message in self.missing():
            if message.sender is not self.own:
                self.absent.setdefault(message.key, False)
        self.holes.clear()
        self.cursor = len(self.conversation.log)

    def forget(self, messages: list[Message]) -> None:
        """The log begins with these messages no more. Only a seat that has ended can have waited for one of them."""
        self.cursor = max(0, self.cursor - len(messages))
        if self.holes:
            for message in messages:
                self.holes.pop(message, None)
        if self.absent:
            for message in messages:
                if not self.absent.get(message.key, True):
                    del self.absent[message.key]
