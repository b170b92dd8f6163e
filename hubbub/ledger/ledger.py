"""The ledger of one worker: messages go in with `send`, frames with `Receiver.on_message`; each is counted once.

The order of a run: `open_receiver` when a connection is established, `joining` and `ready` for each conversation,
`send` for each message, `confirm`, `refuse` and `leave` as the backend answers, `close` when the connection ends,
`tick` once a second, and `finish` when the drain is over. After `finish` whatever still arrives is late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from hubbub.clock import US_PER_SECOND
from hubbub.ledger.arrivals import Arrivals
from hubbub.ledger.connection import Connection
from hubbub.ledger.conversation import Conversation
from hubbub.ledger.findings import Findings
from hubbub.ledger.latency_recorder import BackendWait, LatencyRecorder, NoWait
from hubbub.ledger.message import GENERATOR, Message
from hubbub.ledger.producers import Producers
from hubbub.ledger.receiver import Features, Receiver, Recogniser
from hubbub.ledger.subscription import Subscription
from hubbub.ledger.tag import encode_tag
from hubbub.ledger.tally import Tally
from hubbub.metrics.low_ends import tolerance_for

SETTLE_US = 5_000_000
"""A delivery had its chance when its connection stayed ready for this long after the send."""

TOO_MANY_TO_EXCUSE = 1_000
"""So many losses where nothing at all was delivered are not explained by a generator that was late now and then."""

MOST_KEPT = 100_000
"""Messages of a conversation that are kept for connections which are gone, and were promised what they miss."""

REMEMBER_US = 2_000_000
"""How long a message that everyone has stays in the log."""

LOSS_HORIZON_US = 60_000_000
"""A delivery that nothing has overtaken is given up after this long, so that a dead receiver cannot hold the log."""


class RecognisingContract(Features, Recogniser, Protocol):
    """What is known of all connections' frames."""


class Ledger(Tally):
    """Every message and delivery of one worker in one run.

    `run` is the run's 32-bit number, `contract` what recognises frames, `user_ids` the backend's ids of all accounts of
    the run (also of other workers), `first_sender` the first sender id of this worker, `tolerances_us` the send lags,
    ascending, that the run's objectives tell apart (low_ends.py), `backend_wait` see figures.py.
    """

    def __init__(
        self,
        run: int,
        contract: RecognisingContract,
        user_ids: Iterable[str | int] = (),
        first_sender: int = 1,
        tolerances_us: Sequence[int] = (),
        backend_wait: BackendWait | None = None,
    ) -> None:
        self.run = run
        self.contract = contract
        self.findings = Findings()
        self._tolerances_us = tuple(tolerances_us)
        self._latencies = LatencyRecorder(backend_wait or NoWait())
        self.conversations: dict[int, Conversation] = {}
        self.surplus_refusals = 0
        self._recover_us = round(contract.recover_s * US_PER_SECOND)
        self._producers = Producers(first_sender)
        self._arrivals = Arrivals(
            *(run, user_ids, self.conversations, self._producers),
            *(self._latencies, self.findings, self._confirm),
        )

    @property
    def is_finished(self) -> bool:
        """Whether everything is decided."""
        return self._arrivals.is_finished

    # -- connections -------------------------------------------------------------------------------------------------

    def add_conversation(
        self, index: int, backend_id: str | int, members: Iterable[int], has_echo: bool = True
    ) -> None:
        """Make a conversation known: its index in tags, the backend's id, the indexes of its member accounts."""
        self.conversations[index] = Conversation(index, backend_id, frozenset(members), has_echo)

    def add_members(self, members: Mapping[int, Iterable[int]], user_ids: Iterable[str | int]) -> None:
        """More accounts take part: their indexes by conversation, and the backend's ids of them and of others'."""
        self._arrivals.user_ids.update(user_ids)
        for index, accounts in members.items():
            self.conversations[index].members |= frozenset(accounts)

    def ended_membership(self, account: int, conversation: int, now_us: int) -> None:
        """The backend confirmed that an account is no member any more: what it gets from now on is leaked."""
        self.conversations[conversation].ended_membership(account, now_us)

    def may_be_member(self, account: int, conversation: int) -> None:
        """An account asks to become a member."""
        self.conversations[conversation].may_be_member(account)

    def open_receiver(
        self,
        account: int,
        on_event: Callable[[Any, int], None],
        dialogue: Recogniser | None = None,
        resumed: Receiver | None = None,
    ) -> Receiver:
        """A new connection of an account, and with it a new producer. `on_event` takes what is not a delivery.

        `dialogue` says what its frames mean; without one the contract itself does. `resumed` is the client's last
        connection, closed with `is_promised`, where this one goes on.
        """
        producer = self._producers.open(account, resumed.connection if resumed is not None else None)
        receiver = Receiver(producer, self.contract, dialogue or self.contract, self._arrivals, on_event)
        if resumed is not None:
            receiver.take_over(resumed)
        return receiver

    def joining(self, receiver: Receiver, conversation: int) -> None:
        """The connection asked to join: what arrives from now on is optional until it is ready."""
        receiver.subscribe(self.conversations[conversation])

    def ready(self, receiver: Receiver, conversation: int, now_us: int) -> None:
        """The backend confirmed the join: every message intended from now on is due."""
        joined = self.conversations[conversation]
        joined.ready(receiver.subscription_to(joined), now_us)

    def leave(self, receiver: Receiver, conversation: int, now_us: int) -> None:
        """The connection leaves a conversation, and stays open."""
        self._close(receiver.subscription_to(self.conversations[conversation]), now_us)

    def abandon(self, receiver: Receiver, now_us: int) -> None:
        """A connection that was closed with `is_promised` will have no next one."""
        for subscription in receiver.subscriptions:
            self._end(subscription, now_us)
        receiver.close()

    def close(
        self,
        receiver: Receiver,
        now_us: int,
        is_ours: bool = False,
        is_fault: bool = False,
        is_promised: bool = False,
    ) -> None:
        """The connection is gone: nothing more arrives on it. `is_ours`: we ended it. `is_fault`: by mistake.

        `is_promised`: the backend will send to the next one what this one missed.
        """
        if is_fault:
            receiver.doubt("the generator may have ended the connection", now_us)
        for subscription in receiver.subscriptions:
            if not (is_promised and self.conversations[subscription.conversation].suspend(subscription, now_us)):
                self._end(subscription, now_us)
        if not is_promised:
            receiver.close()
        self._producers.close(receiver.producer, now_us, is_ours or is_fault)

    # -- messages ----------------------------------------------------------------------------------------------------

    def send(
        self, receiver: Receiver, conversation: int, intended_us: int, now_us: int, text: str
    ) -> tuple[str, Message]:
        """Enter a message that is about to be written; returns its content and the message.

        The lag between plan and send is recorded here.
        """
        producer, counts = receiver.producer, self.conversations[conversation].counts
        number = producer.next_number
        producer.next_number += 1
        tag = encode_tag(self.run, conversation, producer.id, number, intended_us, now_us - intended_us, text)
        timings = self._latencies.timings_for(intended_us)
        tolerance_us = tolerance_for(now_us - intended_us, self._tolerances_us)
        message = Message(
            producer, number, conversation, counts, intended_us, now_us, tag.encode(), timings, tolerance_us
        )
        producer.messages[number] = producer.pending[number] = message
        timings.send_lag.record(now_us - intended_us)
        counts.sent += 1
        return tag + text, message

    def unsent(self, conversation: int, intended_us: int, now_us: int) -> None:
        """A message was planned, and not sent when sending stopped."""
        self.conversations[conversation].counts.unsent += 1
        self._latencies.timings_for(intended_us).send_lag.censor(now_us - intended_us)

    def confirm(self, receiver: Receiver, number: int) -> None:
        """The backend acknowledged a message of this receiver, without an echo."""
        message = receiver.producer.messages.get(number)
        if message is not None:
            self.acknowledge(message)

    def acknowledge(self, message: Message) -> None:
        """The backend said that it has a message."""
        if not message.is_seen and not self.is_finished:
            self._confirm(message)

    def refuse(self, receiver: Receiver, is_rate_limit: bool) -> bool:
        """An error frame came on the receiver: it is given to the nearest earlier unconfirmed message.

        False when no message is left to give it to: count it as an error.
        """
        receiver.explain("error frames came on this connection")
        return receiver.producer.refuse("throttled" if is_rate_limit else "refused")

    def refuse_message(self, message: Message, is_rate_limit: bool) -> None:
        """The backend said of one message that it does not take it."""
        message.refusal = "throttled" if is_rate_limit else "refused"

    def typing(self, receiver: Receiver, conversation: int, user_id: str | int, is_typing: bool, now_us: int) -> None:
        """An account, whose only connection this is, told that it types or does not any more."""
        self.conversations[conversation].typing.sent(receiver.connection, user_id, is_typing, now_us)

    def told_of_typing(self, receiver: Receiver, backend_id: str | int, user_id: str | int, state: bool | None) -> None:
        """A connection was told, in a conversation of the backend, that a user types or not; None: not told which."""
        for subscription in receiver.subscriptions:
            conversation = self.conversations[subscription.conversation]
            if conversation.id == backend_id and not self.is_finished:
                conversation.typing.told(receiver.connection, user_id, state)

    def unseen(self) -> list[Message]:
        """The messages that were neither seen nor refused."""
        return [message for message in self._producers.pending() if not message.refusal]

    def may_have_vanished(self, message: Message) -> bool:
        """Whether an unseen message had its time: else its connection died too soon to tell, stored or not."""
        return not message.cut_by and self._had_its_time(message, message.producer.died_us)

    def found_in_history(self, message: Message) -> None:
        """An unseen message stands in the backend's history: it is confirmed, and its deliveries are due."""
        self._confirm(message)

    def _confirm(self, message: Message) -> None:
        producer, conversation = message.producer, self.conversations[message.conversation]
        message.counts.confirmed += 1
        conversation.saw(message.key)
        del producer.pending[message.number]
        if message.refusal and not producer.refuse(message.refusal, message.number):
            self.surplus_refusals += 1
        self._make_due(message, conversation)
        producer.last_confirmed = max(producer.last_confirmed, message.number)
        if producer.is_alive and producer.on_newest_seen is not None and message.number == producer.next_number - 1:
            producer.on_newest_seen()

    def _make_due(self, message: Message, conversation: Conversation) -> None:
        """Give the message its place in the log, and enter the deliveries that are due because of it."""
        conversation.log.flush_some(self._latencies)
        conversation.log.append(message)
        message.remaining = conversation.open_due(message)
        message.counts.due += message.remaining
        for closed in conversation.closed_due(message):
            message.counts.due += 1
            message.remaining += 1
            closed.written_off[message.key] = True
            is_lost = closed.ended_us - message.sent_us >= SETTLE_US
            self._miss(message, closed.connection, closed.ended_us, is_lost)
            if is_lost:
                self.findings.loss(message, closed.ended_us, closed.connection, None)

    # -- decisions ---------------------------------------------------------------------------------------------------

    def tick(self, now_us: int) -> None:
        """Decide what has had its time, and forget what everyone has. Call about once a second.

        After `finish` everything is decided, and nothing may be decided twice.
        """
        self.flush()
        if self.is_finished:
            return
        for conversation in self.conversations.values():
            for subscription in conversation.subscriptions:
                subscription.catch_up()
                is_too_much = subscription.is_suspended and len(subscription.log) > MOST_KEPT
                if is_too_much:
                    subscription.connection.explain(f"it was gone for more than {MOST_KEPT} messages")
                if is_too_much or subscription.suspended_us < now_us - self._recover_us:
                    self._end(subscription, now_us)
                elif subscription.is_waiting:
                    for message in subscription.give_up(now_us - SETTLE_US, now_us - LOSS_HORIZON_US):
                        self._decide_missing(subscription, message, True, now_us)
        self.findings.follow()
        for conversation in self.conversations.values():
            conversation.trim(now_us - REMEMBER_US, now_us)
        self._producers.forget_dead()

    def _end(self, subscription: Subscription, now_us: int) -> None:
        """The connection is gone for good: decide what it is due, and forget it."""
        conversation = self.conversations[subscription.conversation]
        self._close(subscription, now_us)
        if conversation.find(subscription.connection.id) is subscription:
            conversation.remove(subscription)

    def _close(self, subscription: Subscription, now_us: int) -> None:
        """Decide all that is due and has not arrived, because the connection leaves or is gone, or was and stays it."""
        if not subscription.is_open:
            return
        now_us = min(now_us, subscription.suspended_us)
        if not self.is_finished:
            for message in subscription.missing():
                self._decide_missing(subscription, message, now_us - message.sent_us >= SETTLE_US, now_us)
            subscription.skip_all()
        self.conversations[subscription.conversation].close(subscription, now_us)

    def _decide_missing(self, subscription: Subscription, message: Message, is_lost: bool, now_us: int) -> None:
        if subscription.write_off(message):
            self._miss(message, subscription.connection, now_us, is_lost)
            if is_lost:
                self.findings.loss(message, now_us, subscription.connection, subscription)

    def _miss(self, message: Message, connection: Connection, now_us: int, is_lost: bool) -> None:
        """One due delivery of a message will not come."""
        if message.arrivals:
            self._latencies.flush(message)
        if is_lost:
            is_elsewhere = message.came_otherwise is not None and connection.id in message.came_otherwise
            is_proven = connection.doubted_us < message.sent_us and not is_elsewhere
            self._latencies.lost(message, now_us, is_proven, connection.is_timed)
        else:
            self._latencies.excused(message)

    def finish(self, now_us: int, is_hurried: bool = False) -> None:
        """The drain is over: decide everything that is still open.

        If it was cut short (`is_hurried`), what is younger than the settling time had no chance: it is indefinite or
        excused.
        """
        for producer in self._producers:
            for message in list(producer.pending.values()):
                lived_until_us = min(producer.died_us, now_us) if is_hurried else producer.died_us
                had_its_time = self._had_its_time(message, lived_until_us)
                is_read_back = self.conversations[message.conversation].is_read_back
                is_doubted = not is_read_back and producer.may_have_missed(message)
                is_vanished = had_its_time and not is_doubted and not message.cut_by
                self._decide_unseen(message, now_us, is_vanished, is_hurried or is_doubted)
        for conversation in self.conversations.values():
            conversation.typing.finish(is_hurried)
            for subscription in conversation.subscriptions:
                if subscription.is_suspended:
                    self._close(subscription, now_us)
                for message in subscription.missing():
                    is_lost = not is_hurried or now_us - message.sent_us >= SETTLE_US
                    self._decide_missing(subscription, message, is_lost, now_us)
            for message in conversation.log.messages:
                message.forget_bytes()  # from now on an arrival has to be looked at: it may be late
            counts = conversation.counts
            if counts.lost >= TOO_MANY_TO_EXCUSE and not counts.delivered and not self.frame_types.tagged():
                counts.lost_unproven = 0
        self.findings.follow()
        self._arrivals.is_finished = True

    @staticmethod
    def _had_its_time(message: Message, lived_until_us: int) -> bool:
        producer = message.producer
        was_overtaken = producer.has_order and producer.last_confirmed > message.number
        return lived_until_us - message.sent_us >= SETTLE_US or was_overtaken

    def _decide_unseen(self, message: Message, now_us: int, is_vanished: bool, is_ours: bool) -> None:
        counts, producer = message.counts, message.producer
        if message.refusal:
            setattr(counts, message.refusal, getattr(counts, message.refusal) + 1)
        elif is_vanished:
            counts.vanished += 1
            note = producer.connection.note if producer.is_alive else "its connection ended"
            self.findings.vanished(message, now_us, note)
            del producer.pending[message.number]
            self._make_due(message, self.conversations[message.conversation])
        else:
            counts.indefinite += 1
            counts.indefinite_unproven += is_ours or producer.is_death_ours or message.cut_by == GENERATOR
