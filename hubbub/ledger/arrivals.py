"""What arrives: every frame that brings a message is of exactly one class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hubbub.ledger.conversation import Conversation
from hubbub.ledger.counts import Counts
from hubbub.ledger.findings import Findings
from hubbub.ledger.frame_types import UNREADABLE, FrameTypes
from hubbub.ledger.latency_recorder import LatencyRecorder
from hubbub.ledger.message import Message
from hubbub.ledger.producers import Producers
from hubbub.ledger.receiver import UNKNOWN_US, Receiver
from hubbub.ledger.subscription import Subscription
from hubbub.ledger.tag import MARKER, TAG_WIDTH, Tag, decode_tag, text_is_intact

CAUGHT_UP_US = 1_000_000
"""A message that is sent so late belongs to the backlog of an outage; a busy loop is late by milliseconds."""


class Arrivals:
    """Takes deliveries from receivers. `confirm` is called for a message that is seen for the first time.

    `stray` counts what belongs to no conversation. After `is_finished` whatever is seen for the first time is late.
    """

    def __init__(
        self,
        run: int,
        user_ids: Iterable[str | int],
        conversations: Mapping[int, Conversation],
        producers: Producers,
        latencies: LatencyRecorder,
        findings: Findings,
        confirm: Callable[[Message], None],
    ) -> None:
        self.stray = Counts()
        self.is_finished = False
        self.frame_types = FrameTypes()
        self.run = run
        self.user_ids = set(user_ids)
        self.conversations = conversations
        self.findings = findings
        self._producers = producers
        self._latencies = latencies
        self._confirm = confirm

    def take_next(self, subscription: Subscription, now_us: int, arrived_us: int) -> None:
        """The message under a subscription's cursor arrived."""
        self._first_copy(subscription, subscription.take_next(), now_us, arrived_us)

    def take(
        self,
        receiver: Receiver,
        event: Any,
        now_us: int,
        arrived_us: int,
        frame: bytes | None = None,
        unit: bytes | None = None,
    ) -> None:
        """A delivery that the fast path did not take. `event` has conversation_id, sender_id, content and is_delivery.

        `frame` and `unit` are remembered for the message's other receivers.
        """
        tag = decode_tag(event.content)
        if tag is None or not text_is_intact(tag, event.content):
            if event.sender_id not in self.user_ids:
                self.stray.foreign += 1
                return
            self.stray.corrupt += 1
            self._find("corrupt", receiver, now_us)
            return
        if tag.run != self.run:
            self.stray.foreign += 1
            return
        conversation = self.conversations.get(tag.conversation)
        sent_us = tag.intended_us + tag.lag_us
        if conversation is None or not conversation.has_member(receiver.connection.account, sent_us):
            (conversation.counts if conversation is not None else self.stray).leaked += 1
            self._find("leaked", receiver, now_us, tag)
            return
        if event.conversation_id and str(event.conversation_id) != str(conversation.id):
            conversation.counts.corrupt += 1  # it says that it was said somewhere else
            self._find("corrupt", receiver, now_us, tag)
            return
        self._take_member(receiver, conversation, tag, now_us, arrived_us, frame, unit)

    def _take_member(
        self,
        receiver: Receiver,
        conversation: Conversation,
        tag: Tag,
        now_us: int,
        arrived_us: int,
        frame: bytes | None,
        unit: bytes | None,
    ) -> None:
        """A delivery of this run at a member of its conversation."""
        subscription = receiver.subscription_to(conversation)
        producer = self._producers.get(tag.sender)
        message = producer.messages.get(tag.number) if producer is not None else None
        if message is None:
            self._take_forgotten(receiver, subscription, tag, now_us)
            return
        if message.position < 0:
            if self.is_finished:
                conversation.counts.late += 1
                return
            self._confirm(message)
        if message.tag is not None:
            message.frame, message.unit = message.frame or frame, message.unit or unit
        was_due = subscription.take_back(message.key)
        if was_due is not None:
            is_first = subscription.arrived(message, now_us) or not was_due
        elif message.position < subscription.start:
            is_first = subscription.arrived_early(message.key)
        else:
            is_first = subscription.arrived(message, now_us)
        if was_due:
            conversation.counts.late += 1
        elif is_first:
            if _is_overtaken(subscription, message):
                conversation.counts.out_of_order += 1
                self._find("out_of_order", receiver, now_us, message)
            self._first_copy(subscription, message, now_us, arrived_us)
        else:
            self._duplicated(receiver, conversation.counts, tag, now_us)

    def _take_forgotten(self, receiver: Receiver, subscription: Subscription, tag: Tag, now_us: int) -> None:
        """A message that left the log, because every subscription that was due it had it or had missed it."""
        if subscription.had(tag.key, tag.intended_us):
            self._duplicated(receiver, subscription.counts, tag, now_us)
        elif subscription.take_back(tag.key):
            subscription.counts.late += 1
        else:
            subscription.arrived_early(tag.key)
            subscription.counts.optional += 1
            subscription.counts.caught_up += tag.lag_us >= CAUGHT_UP_US

    def take_other(self, receiver: Receiver, frame_type: str, payload: bytes) -> None:
        """A frame that the contract makes nothing of. It may carry one of our messages all the same.

        Then the message was seen, and its delivery to this connection is not surely lost.
        """
        at = payload.find(MARKER)
        tag = decode_tag(payload[at : at + TAG_WIDTH].decode("ascii", "replace")) if at >= 0 else None
        is_ours = tag is not None and tag.run == self.run
        self.frame_types.take(frame_type, is_ours)
        if frame_type == UNREADABLE:
            return  # what the backend broke is no question of the contract
        producer = self._producers.get(tag.sender) if tag is not None and is_ours else None
        message = producer.messages.get(tag.number) if tag is not None and producer is not None else None
        if message is not None and not self.is_finished:
            if message.came_otherwise is None:
                message.came_otherwise = set()
            message.came_otherwise.add(receiver.connection.id)
            if not message.is_seen:
                self._confirm(message)

    def _duplicated(self, receiver: Receiver, counts: Counts, tag: Tag, now_us: int) -> None:
        """A second copy arrived."""
        counts.duplicated += 1
        self._find("duplicated", receiver, now_us, tag)

    def _find(self, kind: str, receiver: Receiver, now_us: int, what: Message | Tag | None = None) -> None:
        self.findings.arrival(kind, receiver.connection, receiver.subscription, now_us, what)

    def _first_copy(self, subscription: Subscription, message: Message, now_us: int, arrived_us: int) -> None:
        connection = subscription.connection
        if not subscription.is_due(message):
            self.not_due(subscription, message, now_us)
        elif message.sent_us < subscription.resumed_us:
            subscription.counts.recovered += 1
            self._latencies.recovered(message, now_us, arrived_us, subscription.resumed_us)
        elif connection.is_timed:
            message.arrivals.append(now_us)
            message.arrived.append(arrived_us if message.sent_us > connection.doubted_us else UNKNOWN_US)
        else:
            self._latencies.untimed(message, now_us)

    def not_due(self, subscription: Subscription, message: Message, now_us: int) -> None:
        """A first copy that was not due arrived; a past subscription of the connection may have missed it."""
        if subscription.take_back(message.key):
            subscription.counts.late += 1
        else:
            self._latencies.optional(subscription.counts, now_us)
            subscription.counts.caught_up += message.sent_us - message.intended_us >= CAUGHT_UP_US


def _is_overtaken(subscription: Subscription, message: Message) -> bool:
    """Whether a later message of its sender in the same conversation has already arrived."""
    producer = message.producer
    if not producer.has_order:
        return False
    last = producer.forgotten.get(message.conversation)
    if last is not None and last.number > message.number and subscription.had(last.key, last.intended_us):
        return True
    for number in range(message.number + 1, producer.next_number):
        later = producer.messages.get(number)
        if later is not None and later.conversation == message.conversation and subscription.has(later):
            return True
    return False
