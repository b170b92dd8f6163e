"""The ledger of one worker: messages go in with `send`, frames with `Link.on_message`, and every class is counted once.

The order of a run: `open_link` when a connection is established, `joining` and `ready` for each conversation, `send`
for each message, `confirm`, `refuse` and `leave` as the backend answers, `close` when the connection ends, `tick` once
a second, and `finish` when the drain is over. After `finish` whatever still arrives is late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hubbub.ledger.conversation import Conversation, Seat
from hubbub.ledger.counts import Counts
from hubbub.ledger.figures import BackendWait, Figures, NoWait
from hubbub.ledger.findings import Findings
from hubbub.ledger.link import Link, Recogniser
from hubbub.ledger.message import Message, Timings
from hubbub.ledger.senders import Senders
from hubbub.ledger.tag import Tag, decode_tag, encode_tag, text_is_intact
from hubbub.metrics.low_ends import tolerance_for

SETTLE_US = 5_000_000
"""A delivery had its chance when its connection stayed ready for this long after the send."""

REMEMBER_US = 2_000_000
"""How long a message that everyone has stays in the log."""

LOSS_HORIZON_US = 60_000_000
"""A delivery that nothing has overtaken is given up after this long, so that a dead receiver cannot hold the log."""


class Ledger:
    """Every message and delivery of one worker in one run.

    `run` is the run's 32-bit number, `contract` what recognises frames, `user_ids` the backend's ids of all accounts of
    the run (also of other workers), `first_sender` the first sender id of this worker, `tolerances_us` the send lags,
    ascending, that the run's objectives tell apart (low_ends.py), `backend_wait` see figures.py.
    """

    def __init__(
        self,
        run: int,
        contract: Recogniser,
        user_ids: Iterable[int] = (),
        first_sender: int = 1,
        tolerances_us: Sequence[int] = (),
        backend_wait: BackendWait | None = None,
    ) -> None:
        self.run = run
        self.contract = contract
        self.user_ids = frozenset(user_ids)
        self.findings = Findings()
        self._tolerances_us = tuple(tolerances_us)
        self._figures = Figures(backend_wait or NoWait())
        self._nowhere = Counts()
        self.conversations: dict[int, Conversation] = {}
        self.surplus_refusals = 0
        self.is_finished = False
        self._senders = Senders(first_sender)

    # -- figures -----------------------------------------------------------------------------------------------------

    @property
    def figures(self) -> Figures:
        """What was counted and timed until now."""
        self.settle()
        return self._figures

    @property
    def counts(self) -> Counts:
        """What was counted until now, in all conversations and in none."""
        self.settle()
        total = Counts()
        total.add(self._nowhere)
        for conversation in self.conversations.values():
            total.add(conversation.counts)
        return total

    @property
    def timings(self) -> Timings:
        """What was timed until now, in a set of its own."""
        timings = Timings()
        timings.merge(self.figures.timings)
        timings.merge(self._figures.second)
        return timings

    def conversation_counts(self) -> dict[int, Counts]:
        """What was counted until now, by the conversation's index."""
        self.settle()
        return {index: conversation.counts for index, conversation in self.conversations.items()}

    def settle(self) -> None:
        """Take all arrivals into the figures that are not there yet."""
        for conversation in self.conversations.values():
            self.settle_conversation(conversation)

    def settle_conversation(self, conversation: Conversation) -> None:
        """Take one conversation's arrivals into the figures: a part of `settle`, for who has to be quick."""
        for message in conversation.log:
            if message.arrivals:
                self._figures.settle(message)

    def close_second(self, has_low_ends: bool) -> None:
        """A second is over; without low ends the receive stamps of it cannot be believed."""
        self.figures.close_second(has_low_ends)
        if not has_low_ends:
            for conversation in self.conversations.values():
                conversation.forget_low_ends()

    def in_flight(self) -> int:
        """How many due deliveries of sent messages have not arrived."""
        seen = sum(conversation.in_flight for conversation in self.conversations.values())
        return seen + sum(message.conversation.open_due(message) for message in self._senders.pending())

    def skip_warmup(self, until_us: int) -> None:
        """Leave messages intended before a time out of the time series. The counts have them all."""
        self._figures.skip_warmup(until_us)

    # -- connections -------------------------------------------------------------------------------------------------

    def add_conversation(self, index: int, backend_id: int, members: Iterable[int], has_echo: bool = True) -> None:
        """Make a conversation known: its index in tags, the backend's id, the indexes of its member accounts."""
        self.conversations[index] = Conversation(index, backend_id, frozenset(members), has_echo)

    def open_link(self, account: int, on_event: Callable[[Any, int], None]) -> Link:
        """A new connection of an account, and with it a new sender."""
        return Link(self, account, self._senders.open(), on_event)

    def joining(self, link: Link, conversation: int) -> None:
        """The link asked to join: what arrives from now on is optional until it is ready."""
        link.open_seat(self.conversations[conversation])

    def ready(self, link: Link, conversation: int, now_us: int) -> None:
        """The backend confirmed the join: the link is due every message intended from now on."""
        room = self.conversations[conversation]
        room.seat_is_ready(link.seat_in(room), now_us)

    def leave(self, link: Link, conversation: int, now_us: int) -> None:
        """The link leaves a conversation; its connection stays open."""
        self._end_seat(link.seat_in(self.conversations[conversation]), now_us)

    def close(self, link: Link, now_us: int, is_ours: bool = False, is_fault: bool = False) -> None:
        """The link's connection is gone: nothing more arrives on it. `is_ours`: we ended it. `is_fault`: by mistake."""
        if is_fault:
            link.doubt("the generator may have ended the connection", now_us)
        for seat in link.seats():
            self._end_seat(seat, now_us)
            seat.conversation.remove_seat(seat)
        link.seat, link.others = None, ()
        self._senders.close(link.sender, now_us, is_ours or is_fault)

    # -- messages ----------------------------------------------------------------------------------------------------

    def send(self, link: Link, conversation: int, intended_us: int, now_us: int, text: str) -> tuple[str, Message]:
        """Enter a message that is about to be written; returns its content and the message.

        The lag between plan and send is recorded here.
        """
        sender = link.sender
        number = sender.next_number
        sender.next_number += 1
        tag = encode_tag(self.run, conversation, sender.id, number, intended_us, now_us - intended_us, text)
        timings = self._figures.timings_for(intended_us)
        room = self.conversations[conversation]
        tolerance_us = tolerance_for(now_us - intended_us, self._tolerances_us)
        message = Message(sender, number, room, intended_us, now_us, tag.encode(), timings, tolerance_us)
        sender.messages[number] = sender.pending[number] = message
        timings.send_lag.record(now_us - intended_us)
        room.counts.sent += 1
        return tag + text, message

    def unsent(self, conversation: int, intended_us: int, now_us: int) -> None:
        """A message was planned, and not sent when sending stopped."""
        self.conversations[conversation].counts.unsent += 1
        self._figures.timings_for(intended_us).send_lag.censor(now_us - intended_us)

    def confirm(self, link: Link, number: int) -> None:
        """The backend acknowledged a message of this link, without an echo."""
        message = link.sender.messages.get(number)
        if message is not None and message.position < 0:
            self._confirm(message)

    def refuse(self, link: Link, is_rate_limit: bool) -> bool:
        """An error frame came on the link: it is given to the nearest earlier unconfirmed message.

        False when no message is left to give it to: count it as an error.
        """
        link.explain("error frames came on this connection")
        return link.sender.refuse("throttled" if is_rate_limit else "refused")

    def unseen(self) -> list[Message]:
        """The messages that nobody has seen and nobody has refused."""
        return [message for message in self._senders.pending() if not message.refusal]

    def found_in_history(self, message: Message) -> None:
        """An unseen message stands in the backend's history: it is confirmed, and its deliveries are due."""
        self._confirm(message)

    def _confirm(self, message: Message) -> None:
        conversation = message.conversation
        conversation.counts.confirmed += 1
        if conversation.seen is not None:
            conversation.seen.append(message.key)
        sender = message.sender
        del sender.pending[message.number]
        if message.refusal and not sender.refuse(message.refusal, message.number):
            self.surplus_refusals += 1
        self._make_due(message)
        sender.last_confirmed = max(sender.last_confirmed, message.number)
        link = sender.link
        if link is not None and link.on_confirmed is not None and message.number == sender.next_number - 1:
            link.on_confirmed()

    def _make_due(self, message: Message) -> None:
        """Give the message its place in the log, and enter the deliveries that are due because of it."""
        conversation = message.conversation
        conversation.settle_some(self._figures)
        conversation.append(message)
        message.remaining = conversation.open_due(message)
        conversation.counts.due += message.remaining
        for seat in conversation.ended_due(message):
            conversation.counts.due += 1
            message.remaining += 1
            seat.absent[message.key] = True
            is_lost = seat.ended_us - message.sent_us >= SETTLE_US
            is_proven = seat.doubted_us < message.sent_us
            self._miss(message, is_lost, seat.ended_us, seat.is_timed, is_proven)
            if is_lost:
                note = seat.note or "the connection ended"
                self.findings.loss(message, seat.ended_us, seat.receiver, seat.account, note, None)

    # -- arrivals ----------------------------------------------------------------------------------------------------

    def take_next(self, seat: Seat, now_us: int, arrived_us: int) -> None:
        """The message under a seat's cursor arrived."""
        message = seat.conversation.log[seat.cursor]
        seat.cursor += 1
        self._first_copy(seat, message, now_us, arrived_us)

    def take(self, link: Link, event: Any, now_us: int, arrived_us: int, frame: bytes | None = None) -> None:
        """A delivery that the fast path did not take. `event` has sender_id, content and is_delivery.

        `frame` is remembered for the message's other receivers.
        """
        counts, findings = self._nowhere, self.findings
        tag = decode_tag(event.content)
        if tag is None or not text_is_intact(tag, event.content):
            if event.sender_id not in self.user_ids:
                counts.foreign += 1
                return
            counts.corrupt += 1
            findings.arrival("corrupt", link, now_us)
            return
        if tag.run != self.run:
            counts.foreign += 1
            return
        conversation = self.conversations.get(tag.conversation)
        if conversation is None or link.account not in conversation.members:
            (conversation.counts if conversation is not None else counts).leaked += 1
            findings.arrival("leaked", link, now_us, tag)
            return
        self._take_member(link.seat_in(conversation), tag, now_us, arrived_us, frame)

    def _take_member(self, seat: Seat, tag: Tag, now_us: int, arrived_us: int, frame: bytes | None) -> None:
        """A delivery of this run at a member of its conversation."""
        sender = self._senders.get(tag.sender)
        message = sender.messages.get(tag.number) if sender is not None else None
        if message is None:
            self._take_forgotten(seat, tag, now_us)
            return
        if message.position < 0:
            if self.is_finished:
                seat.conversation.counts.late += 1
                return
            self._confirm(message)
        if message.frame is None and message.tag is not None:
            message.frame = frame
        was_due = seat.absent.pop(message.key, None)
        if was_due is not None:
            seat.arrived(message, now_us)
            if was_due:
                seat.conversation.counts.late += 1
            else:
                self._slow_first_copy(seat, message, now_us, arrived_us)
        elif message.position < seat.start:
            self._take_early(seat, message, tag, now_us, arrived_us)
        elif seat.arrived(message, now_us):
            self._slow_first_copy(seat, message, now_us, arrived_us)
        else:
            self._duplicated(seat, tag, now_us)

    def _duplicated(self, seat: Seat, tag: Tag, now_us: int) -> None:
        """A second copy arrived at a seat."""
        seat.conversation.counts.duplicated += 1
        self.findings.arrival("duplicated", seat.link, now_us, tag)

    def _take_early(self, seat: Seat, message: Message, tag: Tag, now_us: int, arrived_us: int) -> None:
        """A message that was in the log before the seat was opened."""
        if message.key in seat.early:
            self._duplicated(seat, tag, now_us)
            return
        self._slow_first_copy(seat, message, now_us, arrived_us)
        seat.early.add(message.key)

    def _take_forgotten(self, seat: Seat, tag: Tag, now_us: int) -> None:
        """A message that left the log, because every seat that was due it had it or had missed it."""
        if seat.had(tag.key, tag.intended_us):
            self._duplicated(seat, tag, now_us)
        elif seat.absent.pop(tag.key, False):
            seat.conversation.counts.late += 1
        else:
            seat.early.add(tag.key)
            seat.conversation.counts.optional += 1

    def _slow_first_copy(self, seat: Seat, message: Message, now_us: int, arrived_us: int) -> None:
        """A first copy that has to be looked at for its order among its sender's messages."""
        if self._is_overtaken(seat, message):
            seat.conversation.counts.out_of_order += 1
            self.findings.arrival("out_of_order", seat.link, now_us, message)
        self._first_copy(seat, message, now_us, arrived_us)

    def _is_overtaken(self, seat: Seat, message: Message) -> bool:
        """Whether a later message of its sender in the same conversation has already arrived at the seat."""
        sender = message.sender
        last = sender.forgotten.get(message.conversation.index)
        if last is not None and last.number > message.number and seat.had(last.key, last.intended_us):
            return True
        for number in range(message.number + 1, sender.next_number):
            later = sender.messages.get(number)
            if later is not None and later.conversation is message.conversation and seat.has(later):
                return True
        return False

    def _first_copy(self, seat: Seat, message: Message, now_us: int, arrived_us: int) -> None:
        if not seat.is_due(message):
            self.not_due(seat, message, now_us)
        elif seat.link.is_timed:
            message.arrivals.append(now_us)
            message.arrived.append(seat.link.arrived_us(message, arrived_us))
        else:
            self._figures.untimed(message, now_us)

    def not_due(self, seat: Seat, message: Message, now_us: int) -> None:
        """A first copy arrived at a seat that was not due it; an earlier seat of its connection may have missed it."""
        if seat.absent.pop(message.key, False):
            seat.conversation.counts.late += 1
        else:
            self._figures.optional(seat.conversation, now_us)

    # -- decisions ---------------------------------------------------------------------------------------------------

    def tick(self, now_us: int) -> None:
        """Decide what has had its time, and forget what everyone has. Call about once a second.

        After `finish` everything is decided, and nothing may be decided twice.
        """
        self.settle()
        if self.is_finished:
            return
        for conversation in self.conversations.values():
            for seat in conversation.seats:
                if seat.is_waiting:
                    self._give_up_old(seat, now_us)
        self.findings.follow()
        for conversation in self.conversations.values():
            conversation.trim(now_us - REMEMBER_US, now_us)
        self._senders.forget_dead()

    def _give_up_old(self, seat: Seat, now_us: int) -> None:
        """Lose what was overtaken `SETTLE_US` ago, or sent `LOSS_HORIZON_US` ago."""
        overtaken = [message for message, since_us in seat.holes.items() if now_us - since_us >= SETTLE_US]
        for message in overtaken:
            del seat.holes[message]
            self._decide_missing(seat, message, True, now_us)
        log = seat.conversation.log
        while seat.cursor < len(log) and now_us - log[seat.cursor].sent_us >= LOSS_HORIZON_US:
            self._decide_missing(seat, log[seat.cursor], True, now_us)
            seat.cursor += 1

    def _end_seat(self, seat: Seat, now_us: int) -> None:
        """Decide all that a seat is due and has not got, because it leaves or its connection is gone."""
        if seat.ended_us <= now_us:
            return
        if not self.is_finished:
            for message in seat.missing():
                self._decide_missing(seat, message, now_us - message.sent_us >= SETTLE_US, now_us)
            seat.skip_all()
        seat.conversation.seat_ended(seat, now_us)

    def _decide_missing(self, seat: Seat, message: Message, is_lost: bool, now_us: int) -> None:
        if message.key in seat.absent or message.sender is seat.own:
            return
        is_due = seat.absent[message.key] = seat.is_due(message)
        if is_due:
            link = seat.link
            self._miss(message, is_lost, now_us, link.is_timed, link.doubted_us < message.sent_us)
            if is_lost:
                self.findings.loss(message, now_us, link.sender.id, link.account, link.note, seat)

    def _miss(self, message: Message, is_lost: bool, now_us: int, is_timed: bool, is_proven: bool) -> None:
        """One due delivery of a message will not come."""
        if message.arrivals:
            self._figures.settle(message)
        if is_lost:
            self._figures.lost(message, now_us, is_proven, is_timed)
        else:
            self._figures.excused(message)

    def finish(self, now_us: int, is_hurried: bool = False) -> None:
        """The drain is over: decide everything that is still open.

        If it was cut short (`is_hurried`), what is younger than the settling time had no chance: it is indefinite or
        excused.
        """
        for sender in self._senders:
            for message in list(sender.pending.values()):
                lived_until_us = min(sender.died_us, now_us) if is_hurried else sender.died_us
                had_its_time = lived_until_us - message.sent_us >= SETTLE_US or sender.last_confirmed > message.number
                is_doubted = not message.conversation.is_read_back and sender.may_have_missed(message)
                self._decide_unseen(message, now_us, had_its_time and not is_doubted, is_hurried or is_doubted)
        for conversation in self.conversations.values():
            for seat in conversation.seats:
                for message in seat.missing():
                    is_lost = not is_hurried or now_us - message.sent_us >= SETTLE_US
                    self._decide_missing(seat, message, is_lost, now_us)
            for message in conversation.log:
                message.tag = message.frame = None  # from now on an arrival has to be looked at: it may be late
        self.findings.follow()
        self.is_finished = True

    def _decide_unseen(self, message: Message, now_us: int, is_vanished: bool, is_ours: bool) -> None:
        counts, sender = message.conversation.counts, message.sender
        if message.refusal:
            setattr(counts, message.refusal, getattr(counts, message.refusal) + 1)
        elif is_vanished:
            counts.vanished += 1
            note = sender.link.note if sender.link is not None else "its connection ended"
            self.findings.vanished(message, now_us, note)
            del sender.pending[message.number]
            self._make_due(message)
        else:
            counts.indefinite += 1
            counts.indefinite_unproven += is_ours or sender.is_death_ours
