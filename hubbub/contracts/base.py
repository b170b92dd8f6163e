"""The interface that a backend's contract implements.

A contract is stateless, one for a run; a dialogue is one connection's, and may remember things. Both are pure: they
make calls and frames as data, and say what comes back means.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hubbub.contracts.calls import Call, Id, Script
from hubbub.contracts.events import AnyEvent, Event, EventKind, Frame
from hubbub.errors import ContractError


class Phase(Enum):
    """A phase of a user's life, in the order in which they are lived."""

    LOGIN = "login"
    """The account's credentials become a token."""
    CONVERSATION = "conversation"
    """The account becomes a member of its conversation, over HTTP."""
    TICKET = "ticket"
    """A single-use permit for the WebSocket."""
    CONNECT = "connect"
    """TCP, TLS, upgrade, until the backend says that the connection is accepted."""
    JOIN = "join"
    """The connection subscribes to its conversation and is confirmed."""
    READY = "ready"
    """The connection chats."""
    AWAY = "away"
    """The connection is there, and its account has left the conversation over HTTP: it will come back."""
    LEAVE = "leave"
    """The connection leaves its conversation."""
    CLOSE = "close"
    """The close handshake, and the end."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login. `columns` are further columns of the accounts' file."""

    email: str
    password: str = field(default="", repr=False)
    username: str = ""
    columns: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a login made us: the token for later calls, and the backend's id of the account.

    `columns` are further columns of the accounts' file.
    """

    token: str = field(repr=False)
    user_id: Id = 0
    columns: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a connection is opened with: who opens it, and the permit of the ticket phase, if there is one.

    `number` tells the connections of a run apart. `conversation_id` is where it goes first: a backend may want to know.
    `previous` is what `Dialogue.resume` of the client's last connection returned, where this one is to be given what
    that one missed.
    """

    credentials: Credentials
    identity: Identity | None = None
    permit: str = field(default="", repr=False)
    number: int = 0
    conversation_id: Id = 0
    previous: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The upgrade request: its path, below the origin, and headers of its own."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Contract:
    """One kind of backend.

    `phases` are those that it has, in order, up to JOIN; without JOIN a connection is ready once it is accepted.
    `is_greeted`: the backend says that it accepts a connection (CONNECTED); else the upgrade alone says so.
    `confirms_joins`: a join is confirmed (JOINED); else it is taken for done when it was sent.
    `has_echo`: a sender gets its own message back. `accounts`: they are made by `signup`, are `given`, or `any` e-mail
    will do. `rooms`: conversations are made by a `call`, exist by their `name`, or are `given`. `history_cache_s`: how
    long the backend may answer for a history from a cache.

    For the fast path: a frame that begins with `delivery_prefix`, one or several, is a delivery; `separator` stands
    between several units of a frame; `answers_deliveries`: each delivery is to be answered, so none may be skipped;
    `is_stream`: frames are parts of a stream, so that a message may be cut by their borders.
    `heartbeat_s`: how often a connection sends `heartbeat`; 0 for never. `recover_s`: after an outage that is no
    longer the backend sends what a connection missed, to a next one that asks as `Dialogue.resume` says; 0 for
    never. `sends_frames`: messages are frames, or else HTTP calls alone. `poll_s`: there is no WebSocket, and the
    backend answers a poll after at most so many seconds.
    """

    name: str = ""
    phases: tuple[Phase, ...] = ()
    is_greeted: bool = True
    confirms_joins: bool = True
    has_echo: bool = True
    accounts: str = "signup"
    rooms: str = "call"
    history_cache_s: int = 0
    delivery_prefix: bytes | tuple[bytes, ...] = ()
    separator: bytes = b""
    answers_deliveries: bool = False
    is_stream: bool = False
    sends_frames: bool = True
    heartbeat_s: float = 0.0
    recover_s: float = 0.0
    poll_s: float = 0.0

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings: dict[str, Any] = dict(settings or {})

    @property
    def max_content(self) -> int:
        """The longest message that the backend takes, in characters; 0 where that is not known."""
        longest = self.settings.get("max_content", 0)
        return longest if isinstance(longest, int) else 0

    def check_variables(self, columns: Collection[str]) -> None:
        """Raise ConfigError where it needs something of the accounts that no column of them has."""
        return

    @property
    def has_accounts(self) -> bool:
        """Whether an account has to log in."""
        return self.accounts != "any"

    # -- HTTP: scripts of calls; None where there is nothing of the kind ---------------------------------------------

    def health(self) -> Call | None:
        """A call that succeeds when the backend is up."""
        return None

    def signup(self, credentials: Credentials) -> Script[Identity] | None:
        """Makes an account, and logs it in."""
        return None

    def login(self, credentials: Credentials) -> Script[Identity] | None:
        """Logs an account in."""
        return None

    def create_conversation(self, identity: Identity, name: str) -> Script[Id] | None:
        """Makes a conversation whose first member is the account; returns the backend's id."""
        return None

    def conversation_name(self, run_id: str, index: int) -> Id:
        """What a conversation of a run is called: no other run's may be."""
        return f"perfws-{run_id}-{index}"

    def join_conversation(self, identity: Identity, conversation_id: Id) -> Script[None] | None:
        """Makes an account a member."""
        return None

    def leave_conversation(self, identity: Identity, conversation_id: Id) -> Script[None] | None:
        """Ends an account's membership."""
        return None

    def ticket(self, identity: Identity) -> Script[str] | None:
        """Asks for a permit to connect."""
        return None

    def history(
        self, identity: Identity, conversation_id: Id, limit: int, offset: int
    ) -> Script[list[tuple[Id, str]]] | None:
        """Reads stored messages, newest first: the backend's id and the content of each."""
        return None

    def post_message(self, identity: Identity, conversation_id: Id, content: str) -> Script[None] | None:
        """Sends a message over HTTP."""
        return None

    # -- WebSocket: of a connection that has nothing to remember -----------------------------------------------------

    def dialogue(self, opening: Opening) -> Dialogue:
        """The dialogue of one connection: this one remembers nothing, and asks the contract."""
        return Dialogue(self, opening)

    def upgrade(self, opening: Opening) -> Upgrade:
        """The upgrade request."""
        return Upgrade(self.websocket_path(opening.permit))

    def websocket_path(self, ticket: str) -> str:
        """What follows the origin in the WebSocket's URL."""
        return "/"

    def hello(self, email: str) -> Frame | None:
        """The first frame to send; None where the backend speaks first."""
        return None

    def join(self, conversation_id: Id) -> Frame | None:
        """The frame that subscribes the connection; None where membership is subscription."""
        return None

    def leave(self, conversation_id: Id) -> Frame | None:
        """The frame that ends the account's subscription; None where there is none."""
        return None

    def message(self, conversation_id: Id, content: str) -> Frame:
        """The frame that sends a message. Raises ContractError where only a dialogue can make it."""
        raise ContractError(f"contract {self.name} makes no message by itself")

    def typing(self, conversation_id: Id, is_typing: bool) -> Frame | None:
        """The typing indicator; None where there is none."""
        return None

    def read(self, conversation_id: Id) -> Frame | None:
        """The frame that marks the conversation as read; None where there is none."""
        return None

    def recognise(self, payload: bytes) -> AnyEvent:
        """What a unit of the backend means. Never raises: what it cannot read is UNREADABLE."""
        return Event(EventKind.OTHER)

    def receive(self, payload: bytes) -> Sequence[AnyEvent]:
        """What a frame means that holds one unit."""
        return (self.recognise(payload),)


class Dialogue:
    """One connection. This one has nothing to remember; a contract with more to do makes one of its own.

    What it returns is sent in order. `receive` is given a whole frame, or one unit where the contract has a separator.
    """

    __slots__ = ("contract", "opening")

    def __init__(self, contract: Contract, opening: Opening) -> None:
        self.contract = contract
        self.opening = opening

    def upgrade(self) -> Upgrade:
        """The upgrade request."""
        return self.contract.upgrade(self.opening)

    def start(self) -> Sequence[Frame]:
        """What is sent first."""
        return _frames(self.contract.hello(self.opening.credentials.email))

    def enter(self, conversation_id: Id) -> Sequence[Frame]:
        """Subscribes to a conversation."""
        return _frames(self.contract.join(conversation_id))

    def leave(self, conversation_id: Id) -> Sequence[Frame]:
        """Ends the subscription."""
        return _frames(self.contract.leave(conversation_id))

    def post(self, conversation_id: Id, content: str, number: int) -> Sequence[Frame]:
        """Sends a message, the `number`-th of this connection from 1 on."""
        return (self.contract.message(conversation_id, content),)

    def typing(self, conversation_id: Id, is_typing: bool) -> Sequence[Frame]:
        """The typing indicator."""
        return _frames(self.contract.typing(conversation_id, is_typing))

    def read(self, conversation_id: Id) -> Sequence[Frame]:
        """Marks the conversation as read."""
        return _frames(self.contract.read(conversation_id))

    def heartbeat(self) -> Sequence[Frame]:
        """What is sent every `heartbeat_s` seconds."""
        return ()

    def poll(self) -> Call | None:
        """The next call for what is new, where the contract polls: the body of its answer is given to `receive`."""
        return None

    def receive(self, payload: bytes) -> Sequence[AnyEvent]:
        """What a frame, or a unit of it, means: events in order."""
        return self.contract.receive(payload)

    def resume(self, newest: bytes) -> Any:
        """The connection ended: what the next one needs to be given what is missed; None where it will not be.

        `newest` is the unit of the newest message that arrived, also where `receive` was not shown it; empty for none.
        """
        return None


def _frames(frame: Frame | None) -> Sequence[Frame]:
    return () if frame is None else (frame,)
