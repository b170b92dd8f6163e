"""One connection's life, phase by phase: login, conversation, ticket, connect, join, ready, leave, close.

The phases of a contract are a table in order; `establish` walks it and times each. A phase that fails raises
PhaseFailed after it was counted, and the session is back where it began: call `establish` again after a pause.
"""

from __future__ import annotations

from collections.abc import Callable

from hubbub.client import moves, phases, reading
from hubbub.client.context import AccountState, WorkerContext
from hubbub.client.events import count_drop, take
from hubbub.client.expectation import Expectation
from hubbub.client.history import read_newest
from hubbub.client.line import Line
from hubbub.client.posting import post
from hubbub.client.resumption import Resumption
from hubbub.client.slots import Slot
from hubbub.client.tokens import log_in, run_as
from hubbub.clock import US_PER_SECOND
from hubbub.contracts import Event, EventKind, Frame, Id, Identity, Opening, Phase
from hubbub.errors import (
    HTTP_TOO_MANY,
    HTTP_UNAUTHORIZED,
    BrokenContract,
    Closing,
    ConnectError,
    ConnectionClosed,
    ContractError,
    PhaseFailed,
    Throttled,
)
from hubbub.health.lateness import MAX_WAITS_OF_A_PHASE
from hubbub.ledger import Message, Receiver
from hubbub.ledger.message import GENERATOR
from hubbub.transport.base import Connection


class Session:
    """One client's connection and what it takes to have one. `lost_at_us`: when it ended, until it is ready again."""

    __slots__ = (
        *("context", "_expectation", "_identity", "_is_member", "_line", "_permit"),
        *("_resumption", "conversation", "has_been_ready", "lost_at_us", "on_lost", "phase", "receiver", "slot"),
    )

    def __init__(self, context: WorkerContext, slot: Slot) -> None:
        self.context = context
        self.slot = slot
        context.accounts[slot.account.index].account = slot.account
        self.conversation = slot.conversation
        self.phase: Phase | None = None
        self.has_been_ready = False
        self.receiver: Receiver | None = None
        self._identity: Identity | None = None
        self._permit = ""
        self._is_member = False
        self._line: Line | None = None
        self._expectation = Expectation(context.scheduler)
        self._resumption = Resumption(context)
        self.lost_at_us: int | None = None
        self.on_lost: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<Session {self.slot.number} of {self.slot.account.email}, {self.phase}>"

    @property
    def is_ready(self) -> bool:
        """Whether the connection chats."""
        return self.phase is Phase.READY

    # -- getting ready -----------------------------------------------------------------------------------------------

    def establish(self) -> None:
        """Live through the contract's phases until READY. Raises PhaseFailed, counted, with everything undone."""
        connections = self.context.phase_stats.connections
        is_attempting = False
        try:
            for phase in self.context.contract.phases:
                if phase in (Phase.TICKET, Phase.CONNECT) and not is_attempting:
                    is_attempting = True
                    connections.attempted += 1
                self.live(phase)
                if phase is Phase.CONNECT:
                    connections.succeeded += 1
                    is_attempting = False
            if Phase.JOIN not in self.context.contract.phases:
                phases.live(self.context, Phase.JOIN, self.slot.number, lambda: not self._join())
        except BaseException as error:
            connections.failed += is_attempting
            connections.failed_unproven += is_attempting and (not isinstance(error, PhaseFailed) or error.is_unproven)
            self._close()
            raise
        self.become_ready()

    def live(self, phase: Phase) -> None:
        """One phase, timed and counted. Raises PhaseFailed."""
        self.phase = phase
        phases.live(self.context, phase, self.slot.number, lambda: _STEPS[phase](self))

    def become_ready(self) -> None:
        context = self.context
        self.phase = Phase.READY
        context.phase_stats.connections.ready += not self.has_been_ready
        self.has_been_ready = True
        context.population.connected()
        if self.lost_at_us is not None:
            now_us, lost_at_us = context.now_us(), self.lost_at_us
            low_us = context.lateness.low_us(lost_at_us, now_us, MAX_WAITS_OF_A_PHASE * len(context.contract.phases))
            context.phase_stats.time("reconnect", now_us - lost_at_us, low_us)
            self.lost_at_us = None
        self._resumption.is_back()

    def _log_in_once(self) -> bool:
        """Log in, where once per account is enough only as its first client."""
        account = self._account
        with account.lock:
            known = account.identity if self.context.settings.logins == "account" else None
            context = self.context
            self._identity = account.identity = known or log_in(
                context.contract, self.slot.account.credentials, context.http
            )
        return known is None

    def _enter_conversation(self) -> bool:
        """Become a member of the conversation, over HTTP; idempotent."""
        context = self.context
        context.ledger.may_be_member(self.slot.account.index, self.conversation)
        join = context.contract.join_conversation
        run_as(context, self.slot.account.index, lambda who: join(who, self.backend_id), self.slot.place)
        return True

    def _get_ticket(self) -> bool:
        context = self.context
        self._permit = run_as(context, self.slot.account.index, context.contract.ticket, self.slot.place) or ""
        return True

    def _open(self) -> bool:
        """Connect, and wait until the backend says that it accepts the connection."""
        context = self.context
        if not self._permit and Phase.TICKET in context.contract.phases:
            self._get_ticket()
        account = self.slot.account
        if self._account.identity is not None and context.settings.logins == "account":
            self._identity = self._account.identity  # a call may have replaced a token that ended
        who = (account.credentials, self._identity, self._permit, self.slot.number)
        line = self._line = Line(context, Opening(*who, self.backend_id, self._resumption.previous), self.slot.place)
        self.receiver = self._resumption.open_receiver(account.index, self._on_event, line.dialogue)
        if self.lost_at_us is not None:
            context.transport.look_up_again()
        with self._expectation.of(EventKind.CONNECTED):
            try:
                line.open(self.receiver, self._on_closed)
            except ConnectError as error:
                if error.status == HTTP_UNAUTHORIZED and self._account.identity is self._identity:
                    self._account.identity = None  # the token may have ended: the next try logs in again
                if error.status != HTTP_TOO_MANY:
                    raise
                self._end_receiver(context.now_us(), is_ours=True)
                self._permit = ""  # a ticket may be too old for the next try
                raise Throttled from error
            if context.contract.is_greeted:
                self._expectation.wait(context.settings.connect_timeout_us, "no `connected` frame in time")
        if line.connection is not None:
            self._account.open.add(self)
            context.presence.connected(self._user_id)
            context.heartbeats.add(line)
        return True

    def _join(self) -> bool:
        """Subscribe to the conversation, and wait for the confirmation: a refused join has no answer at all."""
        context, account = self.context, self._account
        # another connection may be leaving for the whole account, which would end this subscription
        context.scheduler.wait(account.gone, context.settings.join_timeout_us / US_PER_SECOND)
        if self.receiver is None:
            raise ConnectionClosed("closed before the join")
        if not self._is_member:
            self._is_member = True
            account.members += 1
        context.ledger.joining(self.receiver, self.conversation)
        with self._expectation.of(EventKind.JOINED, self.backend_id):
            frames = self.line.dialogue.enter(self.backend_id)
            self.line.send(frames)
            if frames and context.contract.confirms_joins:
                self._expectation.wait(context.settings.join_timeout_us, "not confirmed in time")
            else:
                context.ledger.ready(self.receiver, self.conversation, context.now_us())
        return True

    @property
    def _account(self) -> AccountState:
        return self.context.accounts[self.slot.account.index]

    @property
    def identity(self) -> Identity:
        """Who the account is; there is one from the login on."""
        assert self._identity is not None
        return self._identity

    @property
    def line(self) -> Line:
        """The connection with its dialogue; there is one from the connect on."""
        assert self._line is not None
        return self._line

    @property
    def _user_id(self) -> Id:
        """Who others know it as; 0 where the contract has no accounts."""
        return self._identity.user_id if self._identity is not None else 0

    @property
    def backend_id(self) -> Id:
        return self.context.conversation_ids[self.conversation]

    # -- what arrives ------------------------------------------------------------------------------------------------

    def _on_event(self, event: Event, now_us: int) -> None:
        """A frame that is not a delivery. Called from the transport's reader: must not block."""
        context, receiver = self.context, self.receiver
        if receiver is None:
            return
        if self._expectation.is_met_by(event):
            if event.kind is EventKind.JOINED:
                context.ledger.ready(receiver, self.conversation, now_us)
            self._expectation.answer()
        elif event.kind is EventKind.REPLY:
            if self._line is not None:  # a connection that we close is answered no more
                self._line.reply(event.frames)
        elif event.kind in (EventKind.FAILED, EventKind.LIMIT):
            if event.kind is EventKind.LIMIT:
                context.held_at_limit = max(context.held_at_limit, len(self._account.open - {self}))
            if not self._expectation.answer(ContractError(event.text)):
                take(context, receiver, event, now_us)
        else:
            take(context, receiver, event, now_us)

    def _on_closed(self, closing: Closing, now_us: int) -> None:
        """The connection is gone. Called once by the transport, from its reader."""
        context = self.context
        is_ours = closing.is_our_fault or context.lateness.loop.may_have_been_given_up()
        if self._line is not None:
            self._line.connection = None
        if self in self._account.open:
            self._account.open.discard(self)
            context.presence.disconnected(self._user_id)
        if self.phase is Phase.READY:
            self._resumption.drop()
        self._end_receiver(now_us, is_ours=self.phase is Phase.CLOSE, is_fault=is_ours)
        if self.phase in (Phase.READY, Phase.AWAY, Phase.CONVERSATION):  # the last: on its way back, over HTTP
            self.lost_at_us = now_us
            count_drop(context, closing, is_ours)
            if self.phase is not Phase.CONVERSATION:
                self.stop_being_ready()
                self.phase = None
        self._expectation.answer(ConnectionClosed(f"closed with {closing.code}", is_ours, closing))
        if self.on_lost is not None:
            self.on_lost()

    def _end_receiver(self, now_us: int, is_ours: bool, is_fault: bool = False) -> None:
        """Nothing more arrives. Idempotent. `is_fault`: we ended it, and not on purpose."""
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            self.context.presence.gone(receiver.connection.id)
            self._resumption.end(receiver, now_us, is_ours=is_ours, is_fault=is_fault)

    def stop_being_ready(self) -> None:
        self.stop_being_member()
        self.context.population.disconnected()

    def stop_being_member(self) -> None:
        if self._is_member:
            self._is_member = False
            self._account.members -= 1

    # -- chatting ----------------------------------------------------------------------------------------------------

    @property
    def can_send(self) -> bool:
        """Whether a message would be sent now."""
        return self.is_ready and self.receiver is not None and self.line.is_open

    def send(self, intended_us: int, text: str) -> Message | None:
        """Send a message that was meant for `intended_us`; None, and nothing sent, where `can_send` is false.

        Then wait a moment before trying again.
        """
        context = self.context
        if not self.can_send or self.receiver is None:
            return None
        content, message = context.ledger.send(self.receiver, self.conversation, intended_us, context.now_us(), text)
        try:
            if self.line.send(self.line.dialogue.post(self.backend_id, content, message.number)):
                message.tried_us = context.now_us()  # until here it may have been our own process that was late
            else:
                message.tried_us += context.lateness.loop.gaps_us(message.sent_us, context.now_us())
            context.phase_stats.attempts += 1
        except BrokenContract as error:
            message.cut_by = GENERATOR
            context.failed("send", error)
        except ConnectionClosed as error:
            context.failed("send", error)
        return message

    def post(self, intended_us: int, text: str) -> Message | None:
        """Send a message over HTTP, in the background; else like `send`."""
        if not self.can_send or self.receiver is None:
            return None
        return post(self.context, self.receiver, self.conversation, intended_us, text, self.slot.place)

    def signal(self, frame: Frame) -> None:
        """Send a frame that is no message."""
        if self.is_ready:
            self.line.try_to_send(lambda _: (frame,), "send")

    def type(self, is_typing: bool) -> None:
        """Tell that the account types, or does not any more. Only for an account of its own."""
        context, receiver = self.context, self.receiver
        if receiver is None or not self.is_ready:
            return
        if self.line.try_to_send(lambda dialogue: dialogue.typing(self.backend_id, is_typing), "send"):
            context.ledger.typing(receiver, self.conversation, self.identity.user_id, is_typing, context.now_us())

    def mark_read(self) -> None:
        """Mark the conversation as read, where the backend knows that."""
        if self.is_ready:
            self.line.try_to_send(lambda dialogue: dialogue.read(self.backend_id), "send")

    def read_history(self, limit: int) -> None:
        """Read the conversation's newest messages over HTTP, as a person who comes in does. Raises HubbubError."""
        read_newest(self.context, self.slot.account.index, self.conversation, limit)

    switch, end_membership, become_member = moves.switch, moves.end_membership, moves.become_member
    pause_reading, resume_reading, doubt_unread = reading.pause_reading, reading.resume_reading, reading.doubt_unread

    @property
    def connection(self) -> Connection | None:
        """What the frames go over; None where there is none, or none any more."""
        return self._line.connection if self._line is not None else None

    # -- the end -----------------------------------------------------------------------------------------------------

    def leave(self) -> bool:
        """Leave the conversation, as the last connection of the account that is there; else only stop being ready.

        Returns whether the account has left.
        """
        self.resume_reading()
        if self.phase is Phase.AWAY:
            self.stop_being_ready()
        if not self.is_ready:
            return False
        self.doubt_unread()
        self.phase = Phase.LEAVE
        is_last = self._account.members == 1
        if is_last:
            self._account.gone.clear()
            self.unsubscribe()
        self.stop_being_ready()
        return is_last

    def unsubscribe(self) -> None:
        context = self.context
        if self.receiver is not None:
            context.ledger.leave(self.receiver, self.conversation, context.now_us())
            self.line.try_to_send(lambda dialogue: dialogue.leave(self.backend_id), "leave")

    def close(self) -> None:
        """Leave, and close the connection with a handshake. Harmless when it is closed already."""
        self._resumption.give_up()
        self._close()

    def _close(self) -> None:
        """The same, of a client that may come back for what it misses."""
        has_left = self.leave()
        self.stop_being_member()
        self.phase = Phase.CLOSE
        connection, self._line = self.connection, None
        try:
            if connection is not None:
                connection.close()  # the backend has read the leave when it answers
        finally:
            if has_left:
                self._account.gone.set()
        self._end_receiver(self.context.now_us(), is_ours=True)


_STEPS: dict[Phase, Callable[[Session], bool]] = {
    Phase.LOGIN: Session._log_in_once,
    Phase.CONVERSATION: Session._enter_conversation,
    Phase.TICKET: Session._get_ticket,
    Phase.CONNECT: Session._open,
    Phase.JOIN: Session._join,
}
