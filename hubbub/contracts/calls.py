"""HTTP as data: a call, how its answer is read, and scripts of several calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from hubbub.errors import (
    HTTP_TOO_MANY,
    BrokenContract,
    CallFailed,
    ConfigError,
    ContractError,
    HubbubError,
    Throttled,
    described,
)

T = TypeVar("T")

HttpRequest = Callable[[str, str, Mapping[str, str], bytes], tuple[int, bytes]]
"""One HTTP call: method, path, headers, body; returns status and body. Raises ConnectError, and may raise Throttled."""

Id = str | int
"""A backend's name for something, kept as it came."""

MAX_CALLS = 20
"""Of one script: a login takes one to six."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call. `path` follows the backend's origin. The body is `json`, else `form`, else `content`, else none.

    `token` is sent as Bearer. `headers` come besides what the call itself needs. `accepts` are the statuses of success;
    with none of them any of 200 to 299 is.
    """

    method: str
    path: str
    json: Any = None
    token: str = ""
    accepts: tuple[int, ...] = (200,)
    form: Mapping[str, str] | None = None
    content: bytes | None = None
    more_headers: Mapping[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """The headers that the call needs."""
        headers = {"Accept": "application/json"}
        if self.json is not None:
            headers["Content-Type"] = "application/json"
        elif self.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers | dict(self.more_headers)

    def body(self) -> bytes:
        """The body as bytes."""
        if self.json is not None:
            return json.dumps(self.json, separators=(",", ":"), ensure_ascii=False).encode()
        if self.form is not None:
            return urlencode(self.form).encode()
        return self.content or b""

    def perform(self, request: HttpRequest) -> Any:
        """Make the call; returns the answer's JSON. Raises CallFailed and ConnectError."""
        return self.read(*request(self.method, self.path, self.headers(), self.body()))

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"

    def check(self, status: int, body: bytes) -> None:
        """Raise CallFailed for a status that is not accepted."""
        if status == HTTP_TOO_MANY:
            raise Throttled(body.decode(errors="replace")[:200])
        if status not in self.accepts and not (not self.accepts and status // 100 == 2):
            raise CallFailed(status, f"HTTP {status}", body.decode(errors="replace")[:200])

    def read(self, status: int, body: bytes) -> Any:
        """The answer's JSON. Raises CallFailed for a status that is not accepted or a body that is not JSON."""
        self.check(status, body)
        try:
            return json.loads(body) if body.strip() else None
        except (ValueError, RecursionError) as error:
            raise CallFailed(status, "answer is not JSON", body.decode(errors="replace")[:200]) from error


Script = Generator[Call, Any, T]
"""Yields calls, is sent the JSON of each answer, and returns what came of them."""


def perform(script: Script[T], request: HttpRequest) -> T:
    """Make the calls of a script; returns what it does.

    Raises CallFailed and ConnectError, and ContractError for an answer that the script cannot read, whatever it raises.
    """
    call: Call | None = None
    answer: Any = None
    for _ in range(MAX_CALLS):
        try:
            call = script.send(answer)
        except StopIteration as done:
            returned: T = done.value
            return returned
        except ConfigError:
            raise
        except ContractError as error:
            raise ContractError(f"{call}: {error}") from error
        except Exception as error:
            raise ContractError(
                f"{call}: {shortened(answer)} is not an answer that it has ({described(error)})"
            ) from error
        if not isinstance(call, Call):
            raise ContractError(f"a script must yield calls, and yielded {shortened(call)}")
        try:
            answer = call.perform(request)
        except HubbubError:
            script.close()
            raise
        except Exception as error:
            raise BrokenContract(f"{call}: the call cannot be made: {described(error)}") from error
    raise ContractError(f"a script of more than {MAX_CALLS} calls, the last one {call}")


SHOWN = 80
"""Characters of a foreign text that an error shows."""


def shortened(value: Any) -> str:
    """A value of a backend's answer, for an error: without texts that may be tokens."""
    text = repr(_without_secrets(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


MIN_SECRET = 12
"""Letters without a blank: what is shorter is no token, and what has blanks is words."""


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value[:20]]
    is_secret = isinstance(value, str) and len(value) >= MIN_SECRET and " " not in value
    return f"{value[:3]}***" if is_secret else value


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
ID_LENGTH = 1_000


def checked_id(value: Any) -> Id:
    """An id in a backend's answer: a whole number of 64 bits, or a text. Raises ContractError for anything else."""
    if isinstance(value, str) and 0 < len(value) <= ID_LENGTH:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and -ID_LIMIT <= value < ID_LIMIT:
        return value
    raise ContractError(f"expected an id (a text, or a whole number of at most 64 bits), got {shortened(value)}")


def checked_number(value: Any) -> int:
    """An id that is a whole number of at most 64 bits, maybe in quotes. Raises ContractError for anything else."""
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


def member(body: Any, *names: str) -> Any:
    """A nested member of a JSON answer. Raises ContractError when it is not there."""
    value = body
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise ContractError(f"expected {'.'.join(names)!r} in the backend's answer, got {shortened(body)}")
        value = value[name]
    return value
