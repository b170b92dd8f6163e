"""`hubbub try`: two accounts, two connections, one conversation, one message; what is said is shown as it was taken."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from hubbub.client.accounts import Account
from hubbub.client.guard import GuardedDialogue
from hubbub.client.polling import PollingConnection
from hubbub.clock import US_PER_SECOND
from hubbub.contracts import (
    AnyEvent,
    Contract,
    Credentials,
    Delivery,
    Event,
    EventKind,
    Frame,
    Id,
    Identity,
    Opening,
    Phase,
    load_contract,
    perform,
)
from hubbub.errors import Closing, ConnectError, ConnectionClosed, HubbubError, RunError
from hubbub.options import Settings
from hubbub.run.hosts import check_host, check_hosts
from hubbub.run.preparation import configured_accounts
from hubbub.run.provisioning import PASSWORD, Needs, Provisioner
from hubbub.run.shown import Shown, asked, in_words, meaning
from hubbub.run.terminal import say
from hubbub.run.world import World
from hubbub.transport.base import Connection, websocket_origin

POLL_S = 0.02
PATIENCE_S = 5.0
"""For a message to arrive, and to be confirmed."""

MAX_FRAMES_BYTES = 64 << 20


class Participant:
    """One connection of an account: shows what it says and hears."""

    def __init__(self, name: str, contract: Contract, opening: Opening, shown: Shown) -> None:
        self._name, self._contract, self._shown = name, contract, shown
        self.dialogue = GuardedDialogue(contract, opening)
        self.events: list[AnyEvent] = []
        self.connection: Connection | None = None
        self.closing: Closing | None = None

    def open(self, world: World, settings: Settings) -> None:
        """Connect. Raises ConnectError."""
        if self._contract.poll_s:
            polls = world.http(settings, self._contract.poll_s).polls[0]
            self._shown.line(f"[{self._name}] polls for what is new, over HTTP")
            connection = PollingConnection(
                *(world.scheduler, polls, self.dialogue, self, self._closed), lambda _began_us, now_us: now_us
            )
            self.connection = connection
            connection.open()
            return
        transport = world.transport(settings, settings.seed)
        upgrade = self.dialogue.upgrade()
        self._shown.line(f"[{self._name}] -> upgrade {upgrade.path}")
        url = websocket_origin(settings.chat_origin()) + upgrade.path
        self.connection = transport.connect(url, self, self._closed, upgrade.headers)
        self.send(self.dialogue.start())

    def send(self, frames: Iterable[Frame]) -> None:
        """Say something. Raises ConnectionClosed."""
        for frame in frames:
            self._shown.frame(self._name, "->", frame)
            if self.connection is not None:
                self.connection.send(frame)

    def saw(self, kind: EventKind) -> bool:
        return any(isinstance(event, Event) and event.kind is kind for event in self.events)

    def heard(self, content: str) -> bool:
        return any(isinstance(event, Delivery) and event.content == content for event in self.events)

    def _closed(self, closing: Closing, _now_us: int) -> None:
        self.closing, self.connection = closing, None
        self._shown.line(f"[{self._name}] closed with {closing.code} by the {closing.closed_by}: {closing.reason}")

    # -- what the transport calls ------------------------------------------------------------------------------------

    def take_known(self, _buffer: bytearray, start: int, *_: int) -> int:
        return start

    def on_window_closed(self, _now_us: int) -> None:
        return

    def on_message(self, payload: bytes, _now_us: int, _arrived_us: int, _frame: bytes | None) -> None:
        separator = self._contract.separator
        for unit in [unit for unit in payload.split(separator) if unit] if separator else [payload]:
            self._shown.frame(self._name, "<-", unit)
            events, why = meaning(self._contract, self.dialogue, unit)
            told = "; ".join(map(in_words, events)) or "nothing"
            self._shown.line(f"      took it for: {told}{why}")
            self.events += events
            for event in events:
                for frame in event.frames if isinstance(event, Event) else ():
                    self._shown.frame(self._name, "->", frame)
                    if self.connection is not None:
                        self.connection.send_soon(frame)


class Tryout:
    """`run` it once; returns whether the message reached the other connection."""

    def __init__(self, settings: Settings, world: World, shown: Shown) -> None:
        self._settings, self._world, self._shown = settings, world, shown
        self._contract = load_contract(settings.contract, settings.delivery_type, settings.contract_settings)
        self._request = asked(world.requests(settings), shown)
        self._missing: list[str] = []
        self._problems = 0
        shown.hide(settings.account_password, settings.account_fallback_password, *settings.headers.values(), PASSWORD)
        for account in configured_accounts(settings):
            shown.hide(account.password, *account.columns.values())

    def run(self) -> bool:
        """Raises HubbubError where not even two connections are made."""
        settings, contract, shown = self._settings, self._contract, self._shown
        accounts, room = self._provision()
        for account in accounts:
            shown.hide(account.password, account.token, *account.columns.values())
        first, second = (self._connected(number, account, room) for number, account in enumerate(accounts, 1))
        content = f"hubbub try {uuid.uuid4().hex[:8]}"
        self._say(first, accounts[0], room, content)
        is_delivered = self._until(lambda: second.heard(content))
        has_echo = self._until(lambda: first.heard(content), 1.0)
        is_confirmed = first.saw(EventKind.CONFIRMED)
        was_closed = {number for number, each in enumerate((first, second), 1) if each.closing is not None}
        for number, each in enumerate((first, second), 1):
            self._tell_of(number, each)
        self._expect(is_delivered, "the message at the other connection", 'a [[when]] with means = "delivery"')
        self._compare(first, second, room, content)
        if has_echo != contract.has_echo:
            self._missing.append(
                f"the sender {'got its own message' if has_echo else 'did not get its own message'}: write echo = "
                f"{str(has_echo).lower()}"
            )
        if not has_echo:
            self._expect(is_confirmed, "an acknowledgement", 'a [[when]] with means = "confirmed" and its number')
        self._look_at_history(accounts[0], room, content)
        if not contract.heartbeat_s:
            is_pinged = self._until(lambda: first.saw(EventKind.REPLY), settings.ready_timeout_us / US_PER_SECOND)
            self._expect(
                is_pinged or first.closing is None,
                "a ping within the wait, and the connection was closed",
                "a [[when]] with a reply, or [heartbeat]",
            )
        for number, each in enumerate((first, second), 1):
            if each.closing is not None and number not in was_closed:
                self._tell_of(number, each)
        self._count_connections(accounts[0], room)
        for participant in (first, second):
            if participant.connection is not None:
                participant.connection.close()
        shown.line("")
        for text in self._missing or ["everything that was looked for was seen"]:
            shown.line(f"- {text}")
        return is_delivered and not self._problems

    def _compare(self, first: Participant, second: Participant, room: Id, content: str) -> None:
        """What came has to be what was sent: its number, and its room."""
        numbers = {event.number for event in first.events if isinstance(event, Event) and _confirms(event)}
        if self._contract.sends_frames and numbers and 1 not in numbers:
            self._problem(
                f"the acknowledgement has number {', '.join(map(str, sorted(numbers)))}, and the message had 1: look "
                'at number in the [[when]] with means = "confirmed"'
            )
        heard = [event for event in second.events if isinstance(event, Delivery) and event.content == content]
        named = {str(event.conversation_id) for event in heard if event.conversation_id} - {str(room)}
        if named:
            self._problem(
                f"the delivery names room {', '.join(sorted(named))}, and the message went to {room}: correct room in "
                'the [[when]] with means = "delivery", or leave it out'
            )

    def _say(self, first: Participant, account: Account, room: Id, content: str) -> None:
        """Send the message, over the WebSocket, or over HTTP where that is all there is."""
        if self._contract.sends_frames:
            first.send(first.dialogue.post(room, content, 1))
            return
        identity = Identity(account.token, account.user_id, account.columns)
        if (script := self._contract.post_message(identity, room, content)) is not None:
            perform(script, self._request)

    def _tell_of(self, number: int, participant: Participant) -> None:
        """What explains all that is not seen: the connection was closed, or its frames could not be read."""
        closing = participant.closing
        if closing is not None:
            self._problem(
                f"connection {number} was closed with {closing.code} by the {closing.closed_by}: {closing.reason}"
            )
        unread = (EventKind.UNREADABLE, EventKind.BROKEN, EventKind.FAILED)
        said = [event.text for event in participant.events if isinstance(event, Event) and event.kind in unread]
        if said:
            self._problem(f"connection {number} was told, or sent what could not be read: {said[0]}")

    def _problem(self, text: str) -> None:
        self._problems += 1
        self._missing.append(text)

    def _provision(self) -> tuple[list[Account], Id]:
        settings = self._settings
        provisioner = Provisioner(
            *(self._contract, self._request, uuid.uuid4().hex[:8], configured_accounts(settings)),
            *(self._world.scheduler, say, 1, settings.prepare_timeout_us / US_PER_SECOND),
            may_sign_up=settings.may_sign_up,
        )
        self._contract.check_variables({name for each in configured_accounts(settings) for name in each.columns})
        check_host(self._contract, self._request)
        check_hosts(self._contract, self._world, settings)
        (provision,) = provisioner.make([Needs(2, 0, 1)], settings.conversation_id)
        if len(provision.shared) < 2:
            raise RunError(f"two accounts are needed: {'; '.join(provisioner.missing)}.")
        return provision.shared, provision.conversations[0][1]

    def _participant(self, name: str, number: int, account: Account, room: Id) -> Participant:
        contract, identity = self._contract, None
        if Phase.LOGIN in contract.phases:
            identity = Identity(account.token, account.user_id, account.columns)
        permit = ""
        if Phase.TICKET in contract.phases:
            script = contract.ticket(identity or Identity(""))
            permit = perform(script, self._request) if script is not None else ""
            self._shown.hide(permit)
        opening = Opening(account.credentials, identity, permit, number, room)
        participant = Participant(name, contract, opening, self._shown)
        participant.open(self._world, self._settings)
        return participant

    def _connected(self, number: int, account: Account, room: Id) -> Participant:
        contract, settings = self._contract, self._settings
        try:
            participant = self._participant(str(number), number, account, room)
        except ConnectError as error:
            raise RunError(f"connection {number} was not made: {error}.") from error
        wait_s = min(PATIENCE_S, settings.connect_timeout_us / US_PER_SECOND)
        if contract.is_greeted and not self._until(lambda: _has_ended(participant, EventKind.CONNECTED), wait_s):
            self._problem(
                f"connection {number} was not accepted by a frame within {wait_s:g} s: write a [[when]] with means = "
                '"connected", or accepted = "upgrade" in [open]'
            )
        frames = participant.dialogue.enter(room)
        try:
            participant.send(frames)
        except ConnectionClosed as error:
            raise RunError(f"connection {number} was closed before its join: {error}.") from error
        wait_s = min(PATIENCE_S, settings.join_timeout_us / US_PER_SECOND)
        if (
            frames
            and contract.confirms_joins
            and not self._until(lambda: _has_ended(participant, EventKind.JOINED), wait_s)
        ):
            self._problem(
                f"the join of connection {number} was not confirmed within {wait_s:g} s: write a [[when]] with means = "
                '"joined" (or "confirmed", with the number of the join), or confirmed = false in [join]'
            )
        return participant

    def _look_at_history(self, account: Account, room: Id, content: str) -> None:
        identity = Identity(account.token, account.user_id, account.columns)
        script = self._contract.history(identity, room, 10, 0)
        if script is None:
            self._missing.append("no history: what is not delivered cannot be looked up; write [history]")
            return
        try:
            found = perform(script, self._request)
        except HubbubError as error:
            self._missing.append(f"the history could not be read: {error}; look at [history]")
            return
        self._expect(
            content in [text for _, text in found], "the message in the history", "items, id and text of [history]"
        )

    def _count_connections(self, account: Account, room: Id) -> None:
        """How many connections an account may hold, up to what a run would ask for."""
        most = self._settings.max_conns_per_user
        more: list[Participant] = []
        while len(more) < most - 1 and self._takes_another(account, room, more):
            continue
        for each in more:
            if each.connection is not None:
                each.connection.close()
        if 1 + len(more) < most:
            self._missing.append(
                f"connection {len(more) + 2} of one account was refused: run with --max-conns-per-user {len(more) + 1}"
            )

    def _takes_another(self, account: Account, room: Id, more: list[Participant]) -> bool:
        """Whether the backend takes one more connection of the account; then it is one of `more`."""
        try:
            another = self._participant(f"1.{len(more) + 2}", 100 + len(more), account, room)
        except HubbubError:
            return False
        if self._contract.is_greeted:
            self._until(lambda: _has_ended(another, EventKind.CONNECTED), PATIENCE_S)
        is_taken = another.connection is not None and not another.saw(EventKind.LIMIT)
        if is_taken:
            more.append(another)
        return is_taken

    def _expect(self, is_seen: bool, what: str, write: str) -> None:
        if not is_seen:
            self._missing.append(f"not seen: {what}; write {write}")

    def _until(self, is_over: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
        """Wait for something; returns whether it came."""
        ends_us = self._world.scheduler.now_us() + round(seconds * US_PER_SECOND)
        while not is_over() and self._world.scheduler.now_us() < ends_us:
            self._world.scheduler.sleep(POLL_S)
        return is_over()


def _confirms(event: Event) -> bool:
    return event.kind is EventKind.CONFIRMED


def _has_ended(participant: Participant, kind: EventKind) -> bool:
    """Whether what is waited for came, or will never."""
    return participant.saw(kind) or participant.saw(EventKind.FAILED) or participant.connection is None


def read_frames(contract: Contract, path: Path, shown: Shown) -> None:
    """Show what the frames of a file mean, one in each line; those that begin with `>` were sent. Raises RunError."""
    try:
        if path.stat().st_size > MAX_FRAMES_BYTES:
            raise RunError(f"{path} is longer than {MAX_FRAMES_BYTES >> 20} MiB.")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read: {error}.") from error
    dialogue = GuardedDialogue(contract, Opening(Credentials("someone@example.com")))
    dialogue.enter("the room")
    for line in filter(None, lines):
        if line.startswith(">"):
            shown.line(line)
            continue
        shown.line(f"<- {line}")
        events, why = meaning(contract, dialogue, line.encode())
        shown.line(f"      took it for: {'; '.join(map(in_words, events)) or 'nothing'}{why}")
