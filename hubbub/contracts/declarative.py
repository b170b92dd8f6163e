"""A contract that a TOML file describes: see docs/contracts-toml.md for the grammar."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hubbub.clock import US_PER_SECOND, parse_duration_us
from hubbub.contracts.base import Contract, Credentials, Dialogue, Identity, Opening, Phase, Upgrade
from hubbub.contracts.call_templates import CallTemplate, found_at
from hubbub.contracts.calls import Call, Id, Script, checked_id, checked_text, shortened
from hubbub.contracts.events import AnyEvent, Event, EventKind, Frame
from hubbub.contracts.grammar import STEPS
from hubbub.contracts.rules import Rules
from hubbub.contracts.templates import MISSING, Template, ValueTemplate
from hubbub.errors import ConfigError, ContractError

FIRST_JOIN = 1_000_000
"""Joins are numbered from here on, apart from messages: whatever acknowledges such a number confirms a join."""

MAX_JOINS = 100
"""Of a connection that are remembered: who roams joins again and again."""

OF_ACCOUNT = ("email", "password", "username")
OF_LOGIN = ("token", "user")
OF_FRAMES = (*OF_ACCOUNT, *OF_LOGIN, "ticket", "connection", "room")
VARIABLES: dict[str, tuple[str, ...]] = {
    "health": (),
    **dict.fromkeys(STEPS, (*OF_ACCOUNT, *OF_LOGIN)),
    "create": (*OF_LOGIN, "name"),
    **dict.fromkeys(("member", "part"), (*OF_LOGIN, "room")),
    "ticket": OF_LOGIN,
    "history": (*OF_LOGIN, "room", "limit", "offset", "page"),
    "post": (*OF_LOGIN, "room", "content"),
    **dict.fromkeys(("open", "typing", "read", "heartbeat"), OF_FRAMES),
    **dict.fromkeys(("join", "leave"), (*OF_FRAMES, "number")),
    **dict.fromkeys(("message", "when"), (*OF_FRAMES, "content", "number")),
    "recover": (*OF_FRAMES, "number"),
}
"""What each table may use, besides the columns of an accounts' file."""

Values = dict[str, Any]


class Declarative(Contract):
    """See the module. `table` is the file, checked by grammar.py."""

    def __init__(self, name: str, table: Mapping[str, Any]) -> None:
        super().__init__({"max_content": table.get("max_content", 0)})
        self.table = table
        self.name = table.get("name", name)
        self._calls = {
            key: [CallTemplate(each) for each in (value if isinstance(value, list) else [value])]
            for key, value in table.items()
            if key in ("health", "signup", "login", "create", "member", "part", "ticket", "history", "post")
        }
        self.rules = Rules(table["when"])
        self._check_memory(name)
        self.has_echo = table.get("echo", True)
        self.accounts = table.get("accounts", self._accounts())
        self.sends_frames = "message" in table
        self.rooms = "call" if "create" in table else "name"
        self.history_cache_s = table.get("history_cache_s", 0)
        self.separator = table.get("separator", "").encode()
        self.delivery_prefix = self.rules.prefixes
        self.answers_deliveries = self.rules.answers_deliveries
        self.is_greeted = table["open"].get("accepted", "frame") == "frame"
        self.confirms_joins = table.get("join", {}).get("confirmed", True)
        every = table.get("heartbeat", {}).get("every", "")
        self.heartbeat_s = parse_duration_us(every, f"{name}: heartbeat.every") / US_PER_SECOND if every else 0.0
        self._room = Template(table.get("room", "perfws-$run-$index"))
        self._open = {key: Template(table["open"].get(key, "")) for key in ("path", "subprotocol")}
        self._headers = ValueTemplate(table["open"].get("headers", {}))
        self._frames = {
            (key, action): [Template(text) for text in ([texts] if isinstance(texts, str) else texts)]
            for key in ("open", "join", "leave", "message", "typing", "read", "heartbeat", "recover")
            for action in ("send", "start", "stop", "open", "join")
            if (texts := table.get(key, {}).get(action))
        }
        self._recover = table.get("recover", {})
        if self._recover:
            self.recover_s = parse_duration_us(self._recover["within"], f"{name}: recover.within") / US_PER_SECOND
            self._check_recovery(name)
        self.phases = tuple(
            phase
            for phase, is_there in (
                (Phase.LOGIN, self.accounts != "any"),
                (Phase.CONVERSATION, "member" in table),
                (Phase.TICKET, "ticket" in table),
                (Phase.CONNECT, True),
                (Phase.JOIN, ("join", "send") in self._frames),
            )
            if is_there
        )

    def check_variables(self, columns: Collection[str]) -> None:
        """Raise ConfigError for a variable that neither the contract nor a column of the accounts has."""
        for table, names in self._variables():
            known = {*VARIABLES[table], *columns}
            if table in ("recover", "when"):
                known |= self.rules.remembered
            if table in STEPS:
                known |= {name for each in self._calls[table] for name in each.table.get("set", {})}
            for name in sorted(names - known):
                raise ConfigError(
                    f"contract {self.name}: [{table}] has ${name}, and there is no such variable there; there are "
                    f"{', '.join(f'${each}' for each in sorted(known))}. Further ones are columns of --accounts."
                )

    def _variables(self) -> Iterator[tuple[str, set[str]]]:
        """The variables of each table."""
        for table, calls in self._calls.items():
            yield table, set().union(*(call.names for call in calls))
        for (table, _), templates in self._frames.items():
            yield table, set().union(*(template.names for template in templates))
        yield "open", set(self._headers.names).union(*(template.names for template in self._open.values()))
        yield "when", self.rules.names

    def _accounts(self) -> str:
        if "signup" in self.table:
            return "signup"
        return "given" if "login" in self.table else "any"

    # -- HTTP --------------------------------------------------------------------------------------------------------

    def health(self) -> Call | None:
        return self._calls["health"][0].call({}) if "health" in self._calls else None

    def signup(self, credentials: Credentials) -> Script[Identity] | None:
        return self._identify("signup", credentials) if "signup" in self._calls else None

    def login(self, credentials: Credentials) -> Script[Identity] | None:
        if "login" in self._calls:
            return self._identify("login", credentials)
        return self._given(credentials)

    def _given(self, credentials: Credentials) -> Script[Identity]:
        """A token that stands in the accounts' file needs no call."""
        yield from ()
        columns = credentials.columns
        user: Id = columns.get("user") or credentials.email
        return Identity(columns.get("token", ""), user, columns)

    def _identify(self, key: str, credentials: Credentials) -> Script[Identity]:
        """The steps of a login or a sign-up. A sign-up that returns no token is followed by a login."""
        values = _of_credentials(credentials)
        token = ""
        user: Id = credentials.email
        for template in self._calls[key]:
            body = yield template.call(values)
            for name, path in template.table.get("set", {}).items():
                values[name] = found_at(path, body)
            found = template.answer("token", body)
            if found is not MISSING:
                token = values["token"] = checked_text(found)
            found = template.answer("user", body)
            if found is not MISSING:
                user = values["user"] = checked_id(found)
        if not token and key == "signup" and "login" in self._calls:
            return (yield from self._identify("login", credentials))
        return Identity(token, user, credentials.columns)

    def create_conversation(self, identity: Identity, name: str) -> Script[Id] | None:
        return self._create(identity, name) if "create" in self._calls else None

    def _create(self, identity: Identity, name: str) -> Script[Id]:
        template = self._calls["create"][0]
        body = yield template.call(_of_identity(identity) | {"name": name})
        return checked_id(template.answer("room", body, "id"))

    def conversation_name(self, run_id: str, index: int) -> Id:
        return self._room.fill({"run": run_id, "index": index})

    def join_conversation(self, identity: Identity, conversation_id: Id) -> Script[None] | None:
        return self._once("member", identity, {"room": conversation_id})

    def leave_conversation(self, identity: Identity, conversation_id: Id) -> Script[None] | None:
        return self._once("part", identity, {"room": conversation_id})

    def post_message(self, identity: Identity, conversation_id: Id, content: str) -> Script[None] | None:
        return self._once("post", identity, {"room": conversation_id, "content": content})

    def _once(self, key: str, identity: Identity, values: Values) -> Script[None] | None:
        if key not in self._calls:
            return None
        template = self._calls[key][0]

        def call() -> Script[None]:
            yield template.call(_of_identity(identity) | values)

        return call()

    def ticket(self, identity: Identity) -> Script[str] | None:
        return self._ticket(identity) if "ticket" in self._calls else None

    def _ticket(self, identity: Identity) -> Script[str]:
        template = self._calls["ticket"][0]
        body = yield template.call(_of_identity(identity))
        return checked_text(template.answer("ticket", body, "ticket"))

    def history(
        self, identity: Identity, conversation_id: Id, limit: int, offset: int
    ) -> Script[list[tuple[Id, str]]] | None:
        return self._history(identity, conversation_id, limit, offset) if "history" in self._calls else None

    def _history(self, identity: Identity, room: Id, limit: int, offset: int) -> Script[list[tuple[Id, str]]]:
        template = self._calls["history"][0]
        limit = min(limit, template.table.get("size", limit))
        values = _of_identity(identity) | {"room": room, "limit": limit, "offset": offset, "page": offset // limit + 1}
        body = yield template.call(values)
        items = template.answer("items", body, "")
        if not isinstance(items, list):
            raise ContractError(f"expected a list of messages, got {shortened(items)}")
        return [
            (checked_id(template.answer("id", each, "id")), checked_text(template.answer("text", each, "text")))
            for each in items
        ]

    # -- WebSocket ---------------------------------------------------------------------------------------------------

    def dialogue(self, opening: Opening) -> Dialogue:
        return DeclarativeDialogue(self, opening)

    def upgrade(self, opening: Opening) -> Upgrade:
        values = _of_opening(opening)
        headers = {name: str(value) for name, value in self._headers.fill(values).items()}
        if subprotocol := self._open["subprotocol"].fill(values):
            headers["Sec-WebSocket-Protocol"] = subprotocol
        return Upgrade(self._open["path"].fill(values), headers)

    def _check_memory(self, name: str) -> None:
        """Raise ConfigError for what is remembered in place of something else, or is never remembered."""
        taken = sorted(self.rules.remembered & {*OF_FRAMES, "content", "number"})
        if taken:
            raise ConfigError(f"{name}: remember cannot change ${taken[0]}: choose another name.")
        unknown = sorted(self.rules.known - self.rules.remembered)
        if unknown:
            remembered = ", ".join(sorted(self.rules.remembered)) or "nothing"
            raise ConfigError(f"{name}: knows is {unknown[0]!r}, and the rules of [[when]] remember {remembered}.")

    def _check_recovery(self, name: str) -> None:
        """Raise ConfigError where [recover] has nothing of the connection that ended."""
        remembered = ", ".join(sorted(self.rules.remembered)) or "nothing"
        same = self.same_when_recovered
        if same and same not in self.rules.remembered:
            raise ConfigError(f"{name}: recover.same is {same!r}, and the rules of [[when]] remember {remembered}.")
        if not self.needed_to_recover:
            raise ConfigError(
                f"{name}: [recover] must use something that a [[when]] remembers of the connection that ended, in "
                f"open, join or the reply of a [[when]] that knows it; they remember {remembered}."
            )

    @property
    def needed_to_recover(self) -> frozenset[str]:
        """What frames must have given before a connection can be recovered."""
        used = (template.names for (key, _), each in self._frames.items() if key == "recover" for template in each)
        return frozenset(self.rules.known.union(*used) & self.rules.remembered)

    @property
    def same_when_recovered(self) -> str:
        """What comes back the same from a backend that recovers a connection; empty where each join asks anew."""
        return str(self._recover.get("same", ""))

    def has_frames(self, key: str, action: str) -> bool:
        """Whether a table of the file says what is sent."""
        return (key, action) in self._frames

    def frames(self, key: str, values: Mapping[str, Any], action: str = "send") -> Sequence[Frame]:
        """What is sent for a table of the file."""
        return [template.fill(values) for template in self._frames.get((key, action), ())]


class DeclarativeDialogue(Dialogue):
    """One connection. It remembers which joins were asked for, and by which number, and what frames are to give.

    `_before` is what the client's last connection remembered, empty where nothing is recovered; `_learned` is what this
    one was told.
    """

    __slots__ = ("_asked", "_before", "_contract", "_joins", "_learned", "_values")

    def __init__(self, contract: Declarative, opening: Opening) -> None:
        super().__init__(contract, opening)
        self._contract = contract
        self._before: Values = opening.previous if isinstance(opening.previous, dict) else {}
        self._learned: Values = {}
        self._values = _of_opening(opening) | self._before
        self._asked = FIRST_JOIN
        self._joins: dict[int, Id] = {}

    def start(self) -> Sequence[Frame]:
        if self._before and self._contract.has_frames("recover", "open"):
            return self._contract.frames("recover", self._values, "open")
        return self._contract.frames("open", self._values)

    def _is_recovered(self) -> bool:
        """Whether the backend goes on where the last connection ended: `recover.join` is sent then, or nothing."""
        same = self._contract.same_when_recovered
        return bool(self._before) and (not same or self._learned.get(same) == self._before.get(same))

    def resume(self, newest: bytes) -> Values | None:
        if newest:
            self._hear(newest)
        known = {name: self._values.get(name) for name in self._contract.rules.remembered}
        needed = self._contract.needed_to_recover
        if not needed or any(known.get(name) is None for name in needed):
            return None
        return {name: value for name, value in known.items() if value is not None}

    def _hear(self, payload: bytes) -> list[AnyEvent]:
        """What a unit means; what it says to be remembered is known from then on."""
        events = self._contract.rules.receive(payload, self._values, self._learned)
        self._values |= self._learned
        return events

    def enter(self, conversation_id: Id) -> Sequence[Frame]:
        if len(self._joins) >= MAX_JOINS:
            del self._joins[next(iter(self._joins))]
        self._joins[self._asked] = conversation_id
        values = self._numbered(conversation_id)
        if self._is_recovered():
            return self._contract.frames("recover", values, "join")
        return self._contract.frames("join", values)

    def leave(self, conversation_id: Id) -> Sequence[Frame]:
        return self._contract.frames("leave", self._numbered(conversation_id))

    def _numbered(self, room: Id) -> Values:
        """The values of a join or a leave, with a number that nothing else has."""
        number, self._asked = self._asked, self._asked + 1
        return self._values | {"room": room, "number": number}

    def post(self, conversation_id: Id, content: str, number: int) -> Sequence[Frame]:
        values = self._values
        values["room"], values["content"], values["number"] = conversation_id, content, number
        return self._contract.frames("message", values)

    def typing(self, conversation_id: Id, is_typing: bool) -> Sequence[Frame]:
        values = self._values | {"room": conversation_id}
        return self._contract.frames("typing", values, "start" if is_typing else "stop")

    def read(self, conversation_id: Id) -> Sequence[Frame]:
        return self._contract.frames("read", self._values | {"room": conversation_id})

    def heartbeat(self) -> Sequence[Frame]:
        return self._contract.frames("heartbeat", self._values)

    def receive(self, payload: bytes) -> Sequence[AnyEvent]:
        events = self._hear(payload)
        return [self._understood(event) if isinstance(event, Event) else event for event in events]

    def _understood(self, event: Event) -> Event:
        """An acknowledgement of a join confirms it; a join that names no room is the last one that was asked for."""
        room = self._joins.get(event.number) if event.number >= FIRST_JOIN else None
        if room is not None and event.kind is EventKind.CONFIRMED:
            return Event(EventKind.JOINED, room)
        if room is not None and event.kind in (EventKind.REFUSED, EventKind.THROTTLED):
            return Event(EventKind.FAILED, room, text=event.text or "the join was refused")
        if event.kind is EventKind.JOINED and self._joins:
            last = next(reversed(self._joins.values()))
            if not event.conversation_id or str(event.conversation_id) == str(last):
                event.conversation_id = last
        return event


def _of_credentials(credentials: Credentials) -> Values:
    return {
        **credentials.columns,
        "email": credentials.email,
        "password": credentials.password,
        "username": credentials.username,
    }


def _of_identity(identity: Identity) -> Values:
    return {**identity.columns, "token": identity.token, "user": identity.user_id}


def _of_opening(opening: Opening) -> Values:
    return {
        "token": "",
        "user": opening.credentials.email,
        **_of_credentials(opening.credentials),
        **(_of_identity(opening.identity) if opening.identity is not None else {}),
        "ticket": opening.permit,
        "connection": opening.number,
        "room": opening.conversation_id,
    }
