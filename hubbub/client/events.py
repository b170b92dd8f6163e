"""What a frame means that is neither a delivery nor the answer that a session waits for."""

from __future__ import annotations

from collections.abc import Callable

from hubbub.client.context import WorkerContext
from hubbub.contracts import Event, EventKind
from hubbub.errors import Closing, Failure, Owner
from hubbub.ledger import Receiver
from hubbub.ledger.ledger import SETTLE_US
from hubbub.transport.frames import CloseCode

UNREADABLE = "unreadable frame"
"""The class of what a backend sent and its contract could not read."""


def take(context: WorkerContext, receiver: Receiver, event: Event, now_us: int) -> None:
    """Count it, or give it to the ledger. Called from the transport's reader: must not block."""
    meaning = _MEANINGS.get(event.kind)
    if meaning is not None:
        meaning(context, receiver, event, now_us)


def count_drop(context: WorkerContext, closing: Closing, is_ours: bool) -> None:
    """A connection that chatted ended, and not by us. `is_ours`: the generator may be the cause."""
    connections = context.phase_stats.connections
    connections.dropped += 1
    connections.dropped_unproven += is_ours
    is_own_limit = closing.is_our_fault and closing.code == CloseCode.TOO_BIG  # told as what it is
    name = closing.reason if is_own_limit else f"dropped: {closing.code}"
    owner = Owner.GENERATOR if is_ours else Owner.BACKEND
    context.error(Failure(name, owner=owner, **closing.details), closing.reason)


def _confirmed(context: WorkerContext, receiver: Receiver, event: Event, _now_us: int) -> None:
    context.ledger.confirm(receiver, event.number)


def _refused(context: WorkerContext, receiver: Receiver, event: Event, _now_us: int) -> None:
    context.refusals.add(event.text)
    is_rate_limit = event.kind is EventKind.THROTTLED
    message = receiver.producer.messages.get(event.number) if event.number else None
    if message is not None:
        context.ledger.refuse_message(message, is_rate_limit)
    elif event.number or not context.ledger.refuse(receiver, is_rate_limit):
        context.error(Failure(f"error frame: {event.text}"), event.text)


def _dropped(context: WorkerContext, receiver: Receiver, _event: Event, now_us: int) -> None:
    receiver.explain("the backend said that it dropped messages for this connection")
    is_ours = not receiver.connection.is_timed or now_us - receiver.connection.doubted_us < SETTLE_US
    owner = Owner.GENERATOR if is_ours else Owner.BACKEND
    context.error(Failure("messages_dropped", owner=owner), "the backend dropped messages for a connection")


def _shutdown(_context: WorkerContext, receiver: Receiver, _event: Event, _now_us: int) -> None:
    receiver.explain("the backend said that it was about to stop")


def _unreadable(context: WorkerContext, _receiver: Receiver, event: Event, _now_us: int) -> None:
    context.error(Failure(UNREADABLE), event.text)


def _failed(context: WorkerContext, receiver: Receiver, event: Event, _now_us: int) -> None:
    receiver.explain("the backend refused something on this connection")
    context.error(Failure(f"error frame: {event.text}"), event.text)


def _broken(context: WorkerContext, receiver: Receiver, event: Event, now_us: int) -> None:
    receiver.doubt("the contract failed on a frame", now_us)
    kind = event.text.partition(" on b")[0]
    context.error(Failure(f"contract {context.contract.name}: {kind}", owner=Owner.CONFIGURATION), event.text)


def _typing(context: WorkerContext, receiver: Receiver, event: Event, _now_us: int) -> None:
    context.ledger.told_of_typing(receiver, event.conversation_id, event.user_id, event.state)


def _presence(context: WorkerContext, receiver: Receiver, event: Event, now_us: int) -> None:
    if event.state is not None and receiver.connection.is_timed:
        context.presence.status(receiver.connection.id, event.user_id, event.state, now_us)


_MEANINGS: dict[EventKind, Callable[[WorkerContext, Receiver, Event, int], None]] = {
    EventKind.CONFIRMED: _confirmed,
    EventKind.REFUSED: _refused,
    EventKind.THROTTLED: _refused,
    EventKind.DROPPED: _dropped,
    EventKind.SHUTDOWN: _shutdown,
    EventKind.TYPING: _typing,
    EventKind.PRESENCE: _presence,
    EventKind.UNREADABLE: _unreadable,
    EventKind.BROKEN: _broken,
    EventKind.FAILED: _failed,
    EventKind.LIMIT: _failed,
}
