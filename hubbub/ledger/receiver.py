"""A connection as the receiver of frames.

The fast path lives here. A backend that fans a message out sends the same frame to every member, so a delivery
is taken by comparing it with the frame that the first receiver got: one memory comparison checks frame header,
type, tag and text at once, and nothing is parsed. Where frames differ from receiver to receiver, the tag alone is
compared, and one delivery in 64 is parsed to check its text. Everything else takes the slow path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from hubbub.ledger.connection import Connection
from hubbub.ledger.conversation import Conversation
from hubbub.ledger.message import Message, Producer
from hubbub.ledger.subscription import Subscription
from hubbub.ledger.tag import MARKER, TAG_WIDTH

TEXT_CHECK_EVERY = 64

REOPENING_US = 1_000_000
"""How long a backend may take to send what it kept while our receive window was closed."""

TWO_BYTES, EIGHT_BYTES = 126, 127
"""Lengths that say how many bytes further on the length itself has."""

UNKNOWN_US = 0
"""When a delivery arrived that could have come earlier, had the generator read: its low end is 0."""


def payload_of(frame: bytes) -> bytes:
    """What an unmasked frame carries (RFC 6455, 5.2); empty for none."""
    if not frame:
        return b""
    short = frame[1] & 0x7F
    return frame[2 + (2 if short == TWO_BYTES else 8 if short == EIGHT_BYTES else 0) :]


class Recogniser(Protocol):
    """What the ledger needs of a connection's dialogue: `hubbub.contracts` has the whole of it."""

    def receive(self, payload: bytes) -> Sequence[Any]:
        """What a unit means: events in order, each of which may be a delivery."""


class Features(Protocol):
    """How a backend's frames are built: see `hubbub.contracts`."""

    @property
    def delivery_prefix(self) -> bytes | tuple[bytes, ...]: ...
    @property
    def separator(self) -> bytes: ...
    @property
    def answers_deliveries(self) -> bool: ...
    @property
    def is_stream(self) -> bool: ...
    @property
    def recover_s(self) -> float: ...
    @property
    def poll_s(self) -> float: ...


class Taker(Protocol):
    """What is told of what arrives: see arrivals.py."""

    def take_next(self, subscription: Subscription, now_us: int, arrived_us: int) -> None:
        """The message under a subscription's cursor arrived."""

    def take(
        self,
        receiver: Receiver,
        event: Any,
        now_us: int,
        arrived_us: int,
        frame: bytes | None = None,
        unit: bytes | None = None,
    ) -> None:
        """A delivery that has to be looked at. `frame` and `unit` are remembered for the message's other receivers."""

    def take_other(self, receiver: Receiver, frame_type: str, payload: bytes) -> None:
        """A frame that is neither a delivery nor an answer."""

    def not_due(self, subscription: Subscription, message: Message, now_us: int) -> None:
        """A first copy that was not due arrived."""


class Receiver:
    """One connection. Feed `on_message` with every text frame; what is not a delivery goes to `on_event`.

    `subscription` is the one that was opened last, which the fast path looks at; None where nothing is expected.
    """

    __slots__ = (
        *(
            "_features",
            "_keeps_units",
            "_newest_frame",
            "_newest_unit",
            "_reads_all",
            "_recogniser",
            "_since_check",
            "_taker",
            "connection",
            "on_event",
        ),
        *("producer", "subscription", "subscriptions"),
    )

    def __init__(
        self,
        producer: Producer,
        features: Features,
        recogniser: Recogniser,
        taker: Taker,
        on_event: Callable[[Any, int], None],
    ) -> None:
        self.producer = producer
        self.connection: Connection = producer.connection
        self._features = features
        self._reads_all = features.answers_deliveries or features.is_stream or features.poll_s > 0
        self._keeps_units = not self._reads_all and (bool(features.separator) or features.recover_s > 0)
        self._recogniser = recogniser
        self._taker = taker
        self.on_event = on_event
        self.subscription: Subscription | None = None
        self.subscriptions: tuple[Subscription, ...] = ()
        self._since_check = 0
        self._newest_frame = self._newest_unit = b""

    def subscription_to(self, conversation: Conversation) -> Subscription:
        """The subscription to a conversation, which may be closed; opened where there is none."""
        return conversation.find(self.connection.id) or self.subscribe(conversation)

    def subscribe(self, conversation: Conversation) -> Subscription:
        """Open the subscription to a conversation: from now on the fast path looks at it."""
        subscription = conversation.subscribe(self.connection)
        if subscription not in self.subscriptions:
            self.subscriptions = (*self.subscriptions, subscription)
        self.subscription = subscription
        return subscription

    def close(self) -> None:
        """Nothing arrives any more."""
        self.subscription, self.subscriptions = None, ()

    def take_over(self, other: Receiver) -> None:
        """This connection goes on where another one of the same client ended."""
        self.subscriptions, other.subscriptions = other.subscriptions, ()

    @property
    def newest_unit(self) -> bytes:
        """The newest unit that was taken by its bytes, and so was not shown to the dialogue; empty where none was since
        the last that it was shown."""
        return self._newest_unit or payload_of(self._newest_frame)

    def explain(self, why: str) -> None:
        """Something is known of this connection that explains losses, such as that the backend dropped messages."""
        self.connection.explain(why)

    def doubt(self, why: str, now_us: int) -> None:
        """The generator itself may have caused losses here until now: those of messages sent before are not proven."""
        self.connection.doubt(why, now_us)

    def on_window_closed(self, now_us: int) -> None:
        """The backend could not send here for a while, because the generator did not read.

        Its own queue for this connection is still full then, so the doubt lasts until that had its time.
        """
        self.doubt("the generator did not read, and its receive window closed", now_us + REOPENING_US)

    def stop_timing(self, why: str) -> None:
        """From now on we cause what is late or lost here: deliveries are counted, and not timed."""
        self.explain(why)
        self.connection.is_timed = False
        for subscription in self.subscriptions:
            subscription.is_plain = False

    def take_known(self, buffer: bytearray, start: int, end: int, now_us: int, arrived_us: int, earlier_us: int) -> int:
        """Take the frames from `start` on that are the next messages of the log, byte for byte; returns where they end.

        This runs for every delivery, so it does by itself what Ledger.take_next does. At a subscription
        that is not plain each delivery has to be looked at: it may have been decided already.
        """
        subscription = self.subscription
        if subscription is None or not subscription.is_plain:
            return start
        log, cursor, taken = subscription.log.messages, subscription.cursor, b""
        ready_us, own, doubted_us = subscription.ready_us, subscription.own, self.connection.doubted_us
        while cursor < len(log):
            message = log[cursor]
            frame = message.frame
            if frame is None or not buffer.startswith(frame, start, end):
                if message.producer.connection is not own:
                    break
                cursor += 1  # without an echo it never comes
                continue
            start += len(frame)
            cursor += 1
            taken = frame
            if ready_us <= message.intended_us and message.producer.connection is not own:
                message.arrivals.append(now_us)
                is_known = message.sent_us > doubted_us
                message.arrived.append((arrived_us if start == end else earlier_us) if is_known else UNKNOWN_US)
            else:
                self._taker.not_due(subscription, message, now_us)
        subscription.cursor = cursor
        if taken and self._keeps_units:
            self._newest_frame, self._newest_unit = taken, b""
        return start

    def on_message(self, payload: bytes, now_us: int, arrived_us: int, frame: bytes | None = None) -> None:
        """Take one message that was read at `now_us`, in `frame` if it came in one piece.

        A frame is remembered for others where it holds a single delivery, whole, and nothing that has to be answered.
        """
        features = self._features
        separator = features.separator
        if separator and separator in payload:
            units = [unit for unit in payload.split(separator) if unit]
            if len(units) != 1:
                for unit in units:
                    if not self._take_known_unit(unit, now_us, arrived_us):
                        self._take_unit(unit, now_us, arrived_us, None)
                return
            payload = units[0]
        if self._keeps_units and self._take_known_unit(payload, now_us, arrived_us):
            return
        if self._reads_all:
            self._take_unit(payload, now_us, arrived_us, None)
            return
        if not features.recover_s and payload.startswith(features.delivery_prefix) and self._is_next(payload):
            assert self.subscription is not None
            self._taker.take_next(self.subscription, now_us, arrived_us)
            return
        self._take_unit(payload, now_us, arrived_us, frame)

    def _take_known_unit(self, unit: bytes, now_us: int, arrived_us: int) -> bool:
        """Whether a unit is the next message of the log, byte for byte, and so was taken."""
        subscription = self.subscription
        if subscription is None or not subscription.is_plain or subscription.cursor >= len(subscription.log):
            return False
        is_known = subscription.log.messages[subscription.cursor].unit == unit
        if is_known:
            self._newest_unit = unit
            self._taker.take_next(subscription, now_us, arrived_us)
        return is_known

    def _take_unit(self, payload: bytes, now_us: int, arrived_us: int, frame: bytes | None) -> None:
        events = self._recogniser.receive(payload)
        unit = payload if self._keeps_units else None
        if len(events) != 1:
            frame = unit = None
        for event in events:
            if event.is_delivery:
                self._newest_frame = self._newest_unit = b""  # the dialogue was shown what is newer
                self._taker.take(self, event, now_us, arrived_us, frame, unit)
                continue
            if frame_type := event.frame_type:
                self._taker.take_other(self, frame_type, payload)
            self.on_event(event, now_us)

    def _is_next(self, payload: bytes) -> bool:
        """Whether a delivery carries the tag of the message that is expected next.

        The first delivery of a message is not taken this way: it is parsed, its text checked, its frame remembered.
        """
        subscription = self.subscription
        if subscription is None or not subscription.is_plain or subscription.cursor >= len(subscription.log):
            return False
        message = subscription.log.messages[subscription.cursor]
        if message.tag is None or not (message.arrivals or message.last_us):
            return False
        at = payload.find(MARKER)
        if at < 0 or payload[at : at + TAG_WIDTH] != message.tag:
            return False
        self._since_check = (self._since_check + 1) % TEXT_CHECK_EVERY
        return self._since_check != 0
