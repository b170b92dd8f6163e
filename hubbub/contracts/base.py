"""The interface that a backend's contract implements, and the data it speaks in."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, ClassVar, TypeVar

from hubbub.errors import HTTP_TOO_MANY, CallFailed, ContractError, Throttled, described

T = TypeVar("T")

HttpRequest = Callable[[str, str, Mapping[str, str], bytes], tuple[int, bytes]]
"""One HTTP call: method, path, headers, body; returns status and body. Raises ConnectError, and may raise Throttled."""


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
class Call:
    """One HTTP call. `path` follows the backend's origin; `json` is the body, None for none."""

    method: str
    path: str
    json: Any = None
    token: str = ""
    accepts: tuple[int, ...] = (200,)

    def headers(self) -> dict[str, str]:
        """The headers that the call needs."""
        headers = {"Accept": "application/json"}
        if self.json is not None:
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def perform(self, request: HttpRequest) -> Any:
        """Make the call; returns the answer's JSON. Raises CallFailed and ConnectError."""
        body = b"" if self.json is None else json.dumps(self.json, separators=(",", ":"), ensure_ascii=False).encode()
        return self.read(*request(self.method, self.path, self.headers(), body))

    def ask(self, request: HttpRequest, read: Callable[[Any], T]) -> T:
        """Make the call, and let the contract read the answer.

        Raises CallFailed and ConnectError, and ContractError for an answer that `read` cannot read, whatever it raises.
        """
        answer = self.perform(request)
        try:
            return read(answer)
        except ContractError as error:
            raise ContractError(f"{self}: {error}") from error
        except Exception as error:
            shown = shortened(answer)
            raise ContractError(f"{self}: {shown} is not an answer that it has ({described(error)})") from error

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"

    def read(self, status: int, body: bytes) -> Any:
        """The answer's JSON. Raises CallFailed for a status that is not accepted or a body that is not JSON."""
        if status == HTTP_TOO_MANY:
            raise Throttled(body.decode(errors="replace")[:200])
        if status not in self.accepts:
            raise CallFailed(status, f"HTTP {status}", body.decode(errors="replace")[:200])
        try:
            return json.loads(body) if body.strip() else None
        except (ValueError, RecursionError) as error:
            raise CallFailed(status, "answer is not JSON", body.decode(errors="replace")[:200]) from error


SHOWN = 80
"""Characters of a foreign text that an error shows."""


def shortened(value: Any) -> str:
    """A value of a backend's answer, for an error."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def what_was_said(error: CallFailed) -> str:
    """The words of a backend that did not do what a call asked for, without what differs from call to call."""
    try:
        body = json.loads(error.detail)
    except (ValueError, RecursionError):
        return error.detail if error.detail and error.detail[0] not in "{[<" else error.reason
    said = [body[name] for name in _WORDS if isinstance(body.get(name), str)] if isinstance(body, dict) else []
    return said[0] if said else error.reason


_WORDS = ("error", "message", "detail", "title")
"""What the member of a JSON answer is called that says what is wrong: as many say it, and as RFC 9457 does."""

ID_LIMIT = 1 << 63


def checked_id(value: Any) -> int:
    """An id in a backend's answer. Raises ContractError where it is no whole number of 64 bits."""
    try:
        number = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not -ID_LIMIT <= number < ID_LIMIT:
        raise ContractError(f"expected an id (a whole number of at most 64 bits), got {shortened(value)}")
    return number


def checked_text(value: Any) -> str:
    """A text in a backend's answer. Raises ContractError for anything else."""
    if not isinstance(value, str):
        raise ContractError(f"expected a text, got {shortened(value)}")
    return value


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a login made us: the token for later calls, and the backend's id of the account."""

    token: str
    user_id: int


class EventKind(Enum):
    """What a frame from the backend means to a load test."""

    CONNECTED = auto()
    """The connection is accepted."""
    JOINED = auto()
    """A join is confirmed."""
    CONFIRMED = auto()
    """A message is acknowledged; `number` is the sender's."""
    REFUSED = auto()
    """A message was not taken."""
    THROTTLED = auto()
    """A message was not taken because of a rate limit."""
    LIMIT = auto()
    """The connection is turned away because there are too many."""
    DROPPED = auto()
    """The backend says that it dropped messages for this connection."""
    SHUTDOWN = auto()
    """The backend is about to stop."""
    TYPING = auto()
    """A user types, or does not any more (`state`)."""
    PRESENCE = auto()
    """A user is online, or not any more (`state`)."""
    OTHER = auto()
    """Anything else: other copies of a message, what is new about a conversation."""
    UNREADABLE = auto()
    """Not a frame of this contract."""


@dataclass(slots=True)
class Event:
    """A frame that is not a delivery. `text` is what it says, or its type where its kind is OTHER.

    `user_id` is of whom it tells, and `state` what: None where it does not say.
    """

    kind: EventKind
    conversation_id: int = 0
    number: int = 0
    text: str = ""
    user_id: int = 0
    state: bool | None = None
    is_delivery: ClassVar[bool] = False

    @property
    def frame_type(self) -> str:
        """The type of a frame that means nothing to a load test; empty for one that is understood."""
        if self.kind is EventKind.OTHER:
            return self.text or "without a type"
        return "unreadable" if self.kind is EventKind.UNREADABLE else ""


@dataclass(slots=True)
class Delivery:
    """A frame that brings a stored message: the backend's ids of conversation and sender, and the content."""

    conversation_id: int
    sender_id: int
    content: str
    is_delivery: ClassVar[bool] = True


@dataclass
class Contract(ABC):
    """One kind of backend.

    `phases` are those that it has, in order, up to JOIN. `delivery_prefix` is what every delivery frame begins with.
    `has_echo`: a sender gets its own message back. `has_accounts`: accounts and conversations are made over HTTP;
    otherwise any e-mail will do, and conversations are numbered by the run. `history_cache_s`: how long the backend may
    answer for a history from a cache.
    """

    name: ClassVar[str] = ""
    phases: ClassVar[tuple[Phase, ...]] = ()
    delivery_prefix: ClassVar[bytes] = b""
    has_echo: ClassVar[bool] = True
    has_accounts: ClassVar[bool] = True
    history_cache_s: ClassVar[int] = 0
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def max_content(self) -> int:
        """The longest message that the backend takes, in characters; 0 where that is not known."""
        longest = self.settings.get("max_content", 0)
        return longest if isinstance(longest, int) else 0

    # -- HTTP --

    def health(self) -> Call | None:
        """A call that succeeds when the backend is up; None where there is none."""
        return None

    def signup(self, username: str, email: str, password: str) -> Call:
        """Makes an account, and logs it in: the answer is read by `identity`."""
        raise ContractError(f"{self.name} has no accounts")

    def login(self, email: str, password: str) -> Call:
        """Logs an account in: the answer is read by `identity`."""
        raise ContractError(f"{self.name} has no accounts")

    def identity(self, body: Any) -> Identity:
        """What the answer to a login or sign-up says. Raises ContractError."""
        raise ContractError(f"{self.name} has no accounts")

    def create_conversation(self, identity: Identity, name: str) -> Call:
        """Makes a conversation whose first member is the account."""
        raise ContractError(f"{self.name} makes no conversations")

    def conversation_id(self, body: Any) -> int:
        """The id in the answer to create_conversation. Raises ContractError."""
        raise ContractError(f"{self.name} makes no conversations")

    def join_conversation(self, identity: Identity, conversation_id: int) -> Call:
        """Makes an account a member, over HTTP."""
        raise ContractError(f"{self.name} has no membership")

    def leave_conversation(self, identity: Identity, conversation_id: int) -> Call | None:
        """Ends an account's membership, over HTTP; None where that cannot be done."""
        return None

    def ticket(self, identity: Identity) -> Call:
        """Asks for a permit to connect: the answer is read by `ticket_of`."""
        raise ContractError(f"{self.name} has no tickets")

    def ticket_of(self, body: Any) -> str:
        """The ticket in the answer. Raises ContractError."""
        raise ContractError(f"{self.name} has no tickets")

    def history(self, identity: Identity, conversation_id: int, limit: int, offset: int) -> Call | None:
        """Reads stored messages, newest first; None where there is no history."""
        return None

    def history_messages(self, body: Any) -> list[tuple[int, str]]:
        """The messages in the answer to history: the backend's id and the content of each. Raises ContractError."""
        raise ContractError(f"{self.name} has no history")

    def post_message(self, identity: Identity, conversation_id: int, content: str) -> Call | None:
        """Sends a message over HTTP; None where that cannot be done."""
        return None

    # -- WebSocket --

    @abstractmethod
    def websocket_path(self, ticket: str) -> str:
        """What follows the origin in the WebSocket's URL."""

    def hello(self, email: str) -> str | None:
        """The first frame to send; None where the backend speaks first."""
        return None

    @abstractmethod
    def join(self, conversation_id: int) -> str:
        """The frame that subscribes the connection."""

    @abstractmethod
    def leave(self, conversation_id: int) -> str | None:
        """The frame that ends the account's subscription; None where there is none."""

    @abstractmethod
    def message(self, conversation_id: int, content: str) -> str:
        """The frame that sends a message."""

    def typing(self, conversation_id: int, is_typing: bool) -> str | None:
        """The typing indicator; None where there is none."""
        return None

    def read(self, conversation_id: int) -> str | None:
        """The frame that marks the conversation as read; None where there is none."""
        return None

    @abstractmethod
    def recognise(self, payload: bytes) -> Event | Delivery:
        """What a text frame of the backend means. Never raises: what it cannot read is UNREADABLE."""
