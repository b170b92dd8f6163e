"""One connection's life, phase by phase: login, conversation, ticket, connect, join, ready, leave, close.

The phases of a contract are a table in order; `establish` walks it and times each. A phase that fails raises
PhaseFailed after it was counted, and the session is back where it began: call `establish` again after a pause.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.lock import Semaphore

from hubbub.accounts import Place, perform
from hubbub.clock import Clock
from hubbub.contracts import Call, Contract, Event, EventKind, Identity, Phase
from hubbub.errors import CallFailed, ConnectError, ContractError, LinkClosed, PhaseFailed
from hubbub.health import LoopWatch
from hubbub.health.loop import BEAT_US
from hubbub.ledger import Ledger, Link, Message
from hubbub.ledger.figures import BackendWait
from hubbub.ledger.ledger import SETTLE_US
from hubbub.metrics.tally import OWN_ERROR, Tally
from hubbub.transport.base import Connection, Transport
from hubbub.transport.http import HttpPool

WAITS_OF_A_PHASE = 4
"""At most: TCP, TLS, upgrade, and the frame that accepts the connection."""


@dataclass
class Equipment:
    """What all sessions of one worker share.

    `on_phase` is told of every phase that ended: the phase, microseconds, and the class of failure or "".
    """

    contract: Contract
    http: HttpPool
    transport: Transport
    connect_timeout_us: int
    websocket_origin: str
    ledger: Ledger
    clock: Clock
    loop: LoopWatch
    backend_wait: BackendWait
    run_started_us: int
    join_timeout_us: int
    logs_in_per_client: bool
    on_phase: Callable[[Phase, int, str], None]
    conversation_ids: dict[int, int]
    tally: Tally = field(default_factory=Tally)
    identities: dict[int, Identity] = field(default_factory=dict)
    login_locks: dict[int, Semaphore] = field(default_factory=dict)
    ready_in_account: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def low_us(self, began_us: int, ended_us: int, waits: int = WAITS_OF_A_PHASE) -> int:
        """What of some waits was surely the backend's own: without what loop and starved backend may have been late."""
        late_us = self.loop.gaps_us(began_us, ended_us) + waits * BEAT_US
        return max(0, ended_us - began_us - late_us - self.backend_wait.waited_us(began_us, ended_us))

    def may_be_ours(self, error: Exception) -> bool:
        """Whether the generator may be the cause of an error: by what it says, or because of a long stall."""
        return getattr(error, "is_ours", False) or self.loop.may_have_been_given_up()

    def error(self, kind: str, sample: str, is_attempt: bool = False, is_ours: bool = False) -> None:
        """Count an error. `is_ours`: the generator may be the cause, so that it is no evidence against the backend."""
        owner = OWN_ERROR if is_ours else ""
        self.tally.error(owner + kind, self.clock() - self.run_started_us, sample, is_attempt)


class Session:
    """One client's connection and what it takes to have one."""

    __slots__ = (
        "_awaited",
        "_connection",
        "_equipment",
        "_identity",
        "_lost_at_us",
        "_permit",
        "conversation",
        "has_been_ready",
        "link",
        "on_lost",
        "phase",
        "place",
    )

    def __init__(self, equipment: Equipment, place: Place) -> None:
        self._equipment = equipment
        self.place = place
        self.conversation = place.conversation
        self.phase: Phase | None = None
        self.has_been_ready = False
        self.link: Link | None = None
        self._identity: Identity | None = None
        self._permit = ""
        self._connection: Connection | None = None
        self._awaited: tuple[EventKind, AsyncResult[None]] | None = None
        self._lost_at_us: int | None = None
        self.on_lost: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<Session {self.place.number} of {self.place.account.email}, {self.phase}>"

    @property
    def is_ready(self) -> bool:
        """Whether the connection chats."""
        return self.phase is Phase.READY

    # -- getting ready -----------------------------------------------------------------------------------------------

    def establish(self) -> None:
        """Live through the contract's phases until READY. Raises PhaseFailed, counted, with everything undone."""
        connections = self._equipment.tally.connections
        is_attempting = False
        try:
            for phase in self._equipment.contract.phases:
                if phase in (Phase.TICKET, Phase.CONNECT) and not is_attempting:
                    is_attempting = True
                    connections.attempted += 1
                self._live(phase)
                if phase is Phase.CONNECT:
                    connections.succeeded += 1
                    is_attempting = False
        except BaseException as error:
            connections.failed += is_attempting
            connections.failed_unproven += is_attempting and (not isinstance(error, PhaseFailed) or error.is_ours)
            self.close()
            raise
        self._become_ready()

    def _live(self, phase: Phase) -> None:
        """One phase, timed and counted; a phase with nothing to do is neither."""
        equipment = self._equipment
        self.phase = phase
        started_us = equipment.clock()
        reason, detail, is_ours = "", "", False
        try:
            if not _STEPS[phase](self):
                return
        except CallFailed as error:
            reason, detail = error.reason, error.detail
        except (ConnectError, ContractError, LinkClosed) as error:
            reason = str(error)
            is_ours = getattr(error, "is_ours", False) or equipment.loop.has_stalled(started_us)
        ended_us = equipment.clock()
        elapsed_us = ended_us - started_us
        equipment.on_phase(phase, elapsed_us, reason)
        if reason:
            equipment.error(f"{phase.value}: {reason}", detail or reason, is_attempt=True, is_ours=is_ours)
            raise PhaseFailed(phase.value, reason, is_ours)
        equipment.tally.phase(phase.value, elapsed_us, equipment.low_us(started_us, ended_us))

    def _become_ready(self) -> None:
        equipment = self._equipment
        self.phase = Phase.READY
        equipment.tally.connections.ready += not self.has_been_ready
        self.has_been_ready = True
        equipment.ready_in_account[self.place.account.index] += 1
        if self._lost_at_us is not None:
            now_us, lost_at_us = equipment.clock(), self._lost_at_us
            low_us = equipment.low_us(lost_at_us, now_us, WAITS_OF_A_PHASE * len(equipment.contract.phases))
            equipment.tally.time("reconnect", now_us - lost_at_us, low_us)
            self._lost_at_us = None

    def call(self, call: Call) -> Any:
        """Make one of the contract's HTTP calls. Raises CallFailed and ConnectError."""
        return perform(self._equipment.http.request, call)

    def _log_in_once(self) -> bool:
        """Log in, where once per account is enough only as its first client."""
        equipment, index = self._equipment, self.place.account.index
        with equipment.login_locks.setdefault(index, Semaphore(1)):
            known = None if equipment.logs_in_per_client else equipment.identities.get(index)
            self._identity = equipment.identities[index] = known or self._log_in()
        return known is None

    def _log_in(self) -> Identity:
        contract, account = self._equipment.contract, self.place.account
        return contract.identity(self.call(contract.login(account.email, account.password)))

    def _enter_conversation(self) -> bool:
        """Become a member of the conversation, over HTTP; harmless when one is already."""
        self.call(self._equipment.contract.join_conversation(self.identity, self._backend_id))
        return True

    def _get_ticket(self) -> bool:
        contract = self._equipment.contract
        self._permit = contract.ticket_of(self.call(contract.ticket(self.identity)))
        return True

    def _open(self) -> bool:
        """Connect, and wait until the backend says that it accepts the connection."""
        equipment = self._equipment
        self.link = equipment.ledger.open_link(self.place.account.index, self._on_event)
        url = equipment.websocket_origin + equipment.contract.websocket_path(self._permit)
        with self._waiting_for(EventKind.CONNECTED) as accepted:
            self._connection = equipment.transport.connect(url, self.link, self._on_closed)
            hello = equipment.contract.hello(self.place.account.email)
            if hello is not None:
                self._connection.send_text(hello)
            self._wait(accepted, equipment.connect_timeout_us, "no `connected` frame in time")
        return True

    def _join(self) -> bool:
        """Subscribe to the conversation, and wait for the confirmation: a refused join has no answer at all."""
        equipment = self._equipment
        assert self.link is not None
        equipment.ledger.joining(self.link, self.conversation)
        with self._waiting_for(EventKind.JOINED) as joined:
            self._send(equipment.contract.join(self._backend_id))
            self._wait(joined, equipment.join_timeout_us, "not confirmed in time")
        return True

    @contextmanager
    def _waiting_for(self, kind: EventKind) -> Iterator[AsyncResult[None]]:
        result: AsyncResult[None] = AsyncResult()
        self._awaited = (kind, result)
        try:
            yield result
        finally:
            self._awaited = None

    def _wait(self, result: AsyncResult[None], timeout_us: int, complaint: str) -> None:
        try:
            result.get(timeout=timeout_us / 1e6)
        except gevent.Timeout as error:
            raise ContractError(complaint) from error

    @property
    def identity(self) -> Identity:
        """Who the account is; there is one from the login on."""
        assert self._identity is not None
        return self._identity

    @property
    def _backend_id(self) -> int:
        return self._equipment.conversation_ids[self.conversation]

    # -- what arrives ------------------------------------------------------------------------------------------------

    def _on_event(self, event: Event, now_us: int) -> None:
        """A frame that is not a delivery. Called from the transport's reader: must not block."""
        equipment, link = self._equipment, self.link
        if link is None:
            return
        if event.kind is EventKind.JOINED and event.conversation_id == self._backend_id and self._is_awaiting(event):
            equipment.ledger.ready(link, self.conversation, now_us)
        if self._is_awaiting(event):
            self._answer(None)
        elif event.kind is EventKind.LIMIT:
            self._answer(ContractError(event.text))
        elif event.kind is EventKind.CONFIRMED:
            equipment.ledger.confirm(link, event.number)
        elif event.kind in (EventKind.REFUSED, EventKind.THROTTLED):
            if not equipment.ledger.refuse(link, event.kind is EventKind.THROTTLED):
                equipment.error(f"error frame: {event.text}", event.text)
        elif event.kind is EventKind.DROPPED:
            link.explain("the backend said that it dropped messages for this connection")
            is_ours = not link.is_timed or now_us - link.doubted_us < SETTLE_US
            equipment.error("messages_dropped", "the backend dropped messages for a connection", is_ours=is_ours)
        elif event.kind is EventKind.SHUTDOWN:
            link.explain("the backend said that it was about to stop")
        elif event.kind is EventKind.UNREADABLE:
            equipment.error("unreadable frame", event.text)

    def _is_awaiting(self, event: Event) -> bool:
        if self._awaited is None or self._awaited[0] is not event.kind:
            return False
        return event.kind is not EventKind.JOINED or event.conversation_id == self._backend_id

    def _answer(self, error: Exception | None) -> None:
        """Wake whoever waits for the backend."""
        if self._awaited is None or self._awaited[1].ready():
            return
        if error is None:
            self._awaited[1].set(None)
        else:
            self._awaited[1].set_exception(error)

    def _on_closed(self, code: int, reason: str, now_us: int, is_our_fault: bool) -> None:
        """The connection is gone. Called once by the transport, from its reader."""
        equipment = self._equipment
        is_ours = is_our_fault or equipment.loop.may_have_been_given_up()
        self._connection = None
        if self.link is not None:
            equipment.ledger.close(self.link, now_us, is_ours=self.phase is Phase.CLOSE, is_fault=is_ours)
            self.link = None
        if self.phase is Phase.READY:
            self._lost_at_us = now_us
            equipment.tally.connections.dropped += 1
            equipment.tally.connections.dropped_unproven += is_ours
            equipment.error(f"dropped: {code}", reason, is_ours=is_ours)
            self._stop_being_ready()
            self.phase = None
        self._answer(LinkClosed(f"closed with {code}", is_ours))
        if self.on_lost is not None:
            self.on_lost()

    def _stop_being_ready(self) -> None:
        self._equipment.ready_in_account[self.place.account.index] -= 1

    # -- chatting ----------------------------------------------------------------------------------------------------

    def send(self, intended_us: int, text: str) -> Message | None:
        """Send a message that was meant for `intended_us`; None, and nothing sent, when the connection is gone.

        Then wait a moment before trying again: the end of a connection takes a while to be noticed.
        """
        equipment = self._equipment
        connection = self._connection
        if not self.is_ready or self.link is None or connection is None or not connection.is_open:
            return None
        content, message = equipment.ledger.send(self.link, self.conversation, intended_us, equipment.clock(), text)
        try:
            if self._send(equipment.contract.message(self._backend_id, content)):
                message.tried_us = equipment.clock()  # until here it may have been our own process that was late
            else:
                message.tried_us += equipment.loop.gaps_us(message.sent_us, equipment.clock())
            equipment.tally.attempts += 1
        except LinkClosed as error:
            equipment.error(f"send: {error}", str(error), is_attempt=True, is_ours=equipment.may_be_ours(error))
        return message

    def signal(self, frame: str | None) -> None:
        """Send a frame that is not a message, such as typing; nothing when the contract has none."""
        if frame is not None and self.is_ready:
            try:
                self._send(frame)
            except LinkClosed as error:
                equipment = self._equipment
                equipment.error(f"send: {error}", str(error), is_attempt=True, is_ours=equipment.may_be_ours(error))

    def pause_reading(self) -> None:
        """Be a slow reader: read nothing until `resume_reading`. What is late or lost here from now on is our doing."""
        if self._connection is not None and self.link is not None:
            self.link.stop_timing("a slow reader of our own: it stopped reading")
            self._connection.pause_reading()

    def resume_reading(self) -> None:
        """Read again, and at once what waits; harmless when reading was not paused."""
        if self._connection is not None:
            self._connection.resume_reading()

    def doubt_unread(self) -> None:
        """The run is being decided: what has arrived here and was not read may be what seems to be lost."""
        if self._connection is not None and self.link is not None and self._connection.has_unread():
            self.link.doubt("not all that had arrived was read", self._equipment.clock())

    def read_history(self, limit: int) -> None:
        """Read the conversation's newest messages over HTTP, as a person who comes in does. Raises HubbubError."""
        equipment = self._equipment
        call = equipment.contract.history(self.identity, self._backend_id, limit, 0)
        if call is not None:
            started_us = equipment.clock()
            equipment.contract.history_messages(self.call(call))
            ended_us = equipment.clock()
            equipment.tally.phase("history", ended_us - started_us, equipment.low_us(started_us, ended_us))

    def switch(self, conversation: int) -> None:
        """Leave the conversation for another one. Raises PhaseFailed; then the session is closed.

        Only for an account of its own: a leave unsubscribes the whole account.
        """
        self.doubt_unread()
        self._leave()
        self._stop_being_ready()
        self.conversation = conversation
        try:
            self._live(Phase.JOIN)
        except BaseException:
            self.close()
            raise
        self._become_ready()

    def _send(self, text: str) -> bool:
        if self._connection is None:
            raise LinkClosed("the connection is closed")
        return self._connection.send_text(text)

    # -- the end -----------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Leave the conversation, as the last ready connection of the account; else only stop being ready."""
        self.resume_reading()
        if not self.is_ready:
            return
        self.doubt_unread()
        self.phase = Phase.LEAVE
        if self._equipment.ready_in_account[self.place.account.index] == 1:
            self._leave()
        self._stop_being_ready()

    def _leave(self) -> None:
        equipment = self._equipment
        frame = equipment.contract.leave(self._backend_id)
        if self.link is None:
            return
        equipment.ledger.leave(self.link, self.conversation, equipment.clock())
        if frame is not None:
            try:
                self._send(frame)
            except LinkClosed as error:
                equipment.error(f"leave: {error}", str(error), is_attempt=True, is_ours=equipment.may_be_ours(error))

    def close(self) -> None:
        """Leave, and close the connection with a handshake. Harmless when it is closed already."""
        self.leave()
        self.phase = Phase.CLOSE
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if self.link is not None:
            self._equipment.ledger.close(self.link, self._equipment.clock(), is_ours=True)
            self.link = None


_STEPS: dict[Phase, Callable[[Session], bool]] = {
    Phase.LOGIN: Session._log_in_once,
    Phase.CONVERSATION: Session._enter_conversation,
    Phase.TICKET: Session._get_ticket,
    Phase.CONNECT: Session._open,
    Phase.JOIN: Session._join,
}
