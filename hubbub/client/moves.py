"""A session's ways between conversations, and out of one and back. Only for an account of its own: they concern all of
its connections."""

from __future__ import annotations

from typing import Protocol

from hubbub.client.context import WorkerContext
from hubbub.client.slots import Slot
from hubbub.client.tokens import with_token
from hubbub.contracts import Id, Identity, Phase, perform
from hubbub.errors import ContractError, Failure, HubbubError, PhaseFailed
from hubbub.ledger import Receiver


class Moving(Protocol):
    """What is needed of a session: see there."""

    context: WorkerContext
    conversation: int
    phase: Phase | None
    receiver: Receiver | None
    slot: Slot

    @property
    def backend_id(self) -> Id: ...
    @property
    def is_ready(self) -> bool: ...
    def doubt_unread(self) -> None: ...
    def unsubscribe(self) -> None: ...
    def stop_being_ready(self) -> None: ...
    def stop_being_member(self) -> None: ...
    def live(self, phase: Phase) -> None: ...
    def become_ready(self) -> None: ...
    def close(self) -> None: ...


def switch(session: Moving, conversation: int) -> None:
    """Leave the conversation for another one. Raises PhaseFailed; then the session is closed."""
    session.doubt_unread()
    session.phase = Phase.JOIN
    session.stop_being_ready()
    session.unsubscribe()
    session.conversation = conversation
    _come_back(session, Phase.JOIN)


def end_membership(session: Moving) -> None:
    """Leave the conversation over HTTP, and stay connected: what is sent from then on is not for this account.

    If that fails, which is counted, it may still be a member.
    """
    context, conversation = session.context, session.conversation
    if session.receiver is None or not session.is_ready:
        return
    session.doubt_unread()
    session.phase = Phase.AWAY
    session.stop_being_member()
    context.ledger.leave(session.receiver, conversation, context.now_us())
    account, backend_id = session.slot.account.index, session.backend_id

    def leave(identity: Identity) -> None:
        script = context.contract.leave_conversation(identity, backend_id)
        if script is None:
            raise ContractError(f"contract {context.contract.name} ends no membership")
        perform(script, context.http_at(session.slot.place))

    try:
        with_token(context, account, leave)
    except HubbubError as error:
        context.failed("leave", error)
    else:
        context.phase_stats.attempts += 1
        context.ledger.ended_membership(account, conversation, context.now_us())


def become_member(session: Moving) -> None:
    """Enter the conversation again over HTTP, and subscribe. Raises PhaseFailed; then the session is closed."""
    if session.phase is Phase.AWAY:
        session.stop_being_ready()
    _come_back(session, Phase.CONVERSATION, Phase.JOIN)


def _come_back(session: Moving, *phases: Phase) -> None:
    try:
        for phase in phases:
            if session.receiver is None:
                raise PhaseFailed(Failure("the connection was lost", phase.value))
            session.live(phase)
    except BaseException:
        session.close()
        raise
    session.become_ready()
