"""Messages over HTTP. They have no order, and each has an answer of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hubbub.client.context import WorkerContext
from hubbub.client.tokens import with_token
from hubbub.contracts import Identity
from hubbub.contracts import perform as run_script
from hubbub.contracts.calls import what_was_said
from hubbub.errors import Busy, CallFailed, ContractError, Throttled, described
from hubbub.ledger import Message, Receiver
from hubbub.ledger.message import BACKEND, GENERATOR

SERIES = "post"


def post(
    context: WorkerContext, receiver: Receiver, conversation: int, intended_us: int, text: str, place: int = 0
) -> Message:
    """Send a message in the background: a slow answer must not make the client's next message late."""
    receiver.producer.has_order = False
    content, message = context.ledger.send(receiver, conversation, intended_us, context.now_us(), text)
    message.cut_by = GENERATOR  # until it is written
    backend_id, account = context.conversation_ids[conversation], receiver.connection.account

    def perform(identity: Identity) -> None:
        script = context.contract.post_message(identity, backend_id, content)
        if script is None:
            raise ContractError(f"contract {context.contract.name} sends no messages over HTTP")
        run_script(script, partial(context.http_at(place), began=lambda: _begin(context, message)))

    context.scheduler.spawn(_follow, context, message, lambda: with_token(context, account, perform))
    return message


def _follow(context: WorkerContext, message: Message, perform: Callable[[], None]) -> None:
    """Make the call, and let its answer decide the message."""
    failure = ""
    try:
        perform()
    except CallFailed as error:
        message.cut_by = ""
        failure = what_was_said(error)
        _take_refusal(context, message, failure, isinstance(error, Throttled))
    except Busy as error:
        message.cut_by = ""
        failure = str(error)
        context.refusals.add("the backend answers too slowly over HTTP")
        context.ledger.refuse_message(message, is_rate_limit=False)
    except Exception as error:  # whatever it is, it ends this message alone
        if context.lateness.may_have_caused(error):
            message.cut_by = GENERATOR
        failure = described(error)
        context.failed(SERIES, error)
    else:
        message.cut_by = ""
        now_us = context.now_us()
        began_us = message.tried_us
        context.phase_stats.phase(SERIES, now_us - began_us, context.lateness.low_us(began_us, now_us))
        context.ledger.acknowledge(message)
    context.on_phase(SERIES, context.now_us() - message.tried_us, failure)


def _begin(context: WorkerContext, message: Message) -> None:
    message.sent_us = message.tried_us = context.now_us()  # until here it waited for a connection of our own pool
    message.cut_by = BACKEND


def _take_refusal(context: WorkerContext, message: Message, said: str, is_rate_limit: bool) -> None:
    """The backend answered, and not that it has the message."""
    context.phase_stats.attempts += 1
    context.refusals.add(said)
    context.ledger.refuse_message(message, is_rate_limit)
