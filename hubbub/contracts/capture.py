"""What a browser saved of a chat: the calls and frames of a HAR, as Chrome writes it, and what is looked for there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hubbub.errors import ConfigError

PREFIX = re.compile(r"[^\[{]{0,20}")
PASSWORDS = ("pass", "pwd", "secret")
NAMES = re.compile(r"(?i)(^|[_-])(user|username|user_?name|login|name|nick|nickname|identifier)$")
TEXT, BINARY = 1, 2
DIRECTIONS = {"send": True, "sent": True, "receive": False, "received": False}


@dataclass(frozen=True)
class Exchange:
    """An HTTP call of the capture with its answer. `body` and `answer` are JSON where they are that."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    is_form: bool
    answer: Any


@dataclass(frozen=True)
class Said:
    """A frame of the capture: what stands before its JSON, and that; None where there is none. `at_s`: when, or 0."""

    is_sent: bool
    text: str
    prefix: str
    body: Any
    at_s: float = 0.0


@dataclass
class Link:
    """One WebSocket of the capture."""

    url: str
    headers: dict[str, str]
    frames: list[Said]
    is_binary: bool = False


@dataclass
class Capture:
    """What was found in a HAR: the calls, and the WebSockets, the one with the chat first."""

    calls: list[Exchange] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    @property
    def frames(self) -> list[Said]:
        """Those of the WebSocket with the chat."""
        return self.links[0].frames

    @property
    def url(self) -> str:
        return self.links[0].url

    @property
    def upgrade_headers(self) -> dict[str, str]:
        return self.links[0].headers


def read_capture(values: Any) -> Capture:
    """What a HAR has, as far as it is of use. Raises ConfigError where it is none, or has no WebSocket."""
    try:
        entries = values["log"]["entries"]
        capture = Capture([_exchange(entry) for entry in entries if not entry.get("_webSocketMessages")])
        capture.links = [_link(entry) for entry in entries if entry.get("_webSocketMessages")]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"learn: this is no HAR ({type(error).__name__}: {error}).") from error
    capture.links = sorted((link for link in capture.links if link.frames or link.is_binary), key=_chatters)
    if not capture.links:
        raise ConfigError(
            "learn: the capture has no WebSocket with messages. Chrome saves them (as _webSocketMessages) where its "
            "developer tools were open before the page was loaded; Firefox does not."
        )
    if capture.links[0].is_binary and not capture.links[0].frames:
        raise ConfigError("learn: the frames are binary: write a contract in Python (docs/contracts.md).")
    return capture


def _chatters(link: Link) -> tuple[int, int]:
    """Order: first where a text of words that was sent was received, then where most was said."""
    received = set(_words(frame for frame in link.frames if not frame.is_sent))
    has_echo = any(text in received for text in _words(frame for frame in link.frames if frame.is_sent))
    is_talked_to = any(frame.is_sent for frame in link.frames)
    return (0 if has_echo else 1 if is_talked_to else 2), -len(link.frames)


def _words(frames: Iterator[Said]) -> Iterator[str]:
    for frame in frames:
        yield from (value for _, value in leaves(frame.body) if isinstance(value, str) and " " in value)


def _link(entry: Mapping[str, Any]) -> Link:
    messages = [each for each in entry["_webSocketMessages"] if each.get("type") in DIRECTIONS]
    texts = [each for each in messages if each.get("opcode", TEXT) == TEXT and isinstance(each.get("data"), str)]
    is_binary = any(each.get("opcode") == BINARY for each in messages)
    return Link(entry["request"]["url"], _headers(entry["request"]), [_said(each) for each in texts], is_binary)


def _headers(request: Mapping[str, Any]) -> dict[str, str]:
    found = {each["name"].lower(): str(each["value"]) for each in request.get("headers") or []}
    return {name: value for name, value in found.items() if not name.startswith(":")}


def _exchange(entry: Mapping[str, Any]) -> Exchange:
    request, content = entry["request"], (entry.get("response") or {}).get("content") or {}
    posted = request.get("postData") or {}
    text = posted.get("text") or ""
    params = {each["name"]: each.get("value", "") for each in posted.get("params") or []}
    is_form = "form-urlencoded" in (posted.get("mimeType") or "")
    body = (dict(parse_qsl(text)) or params) if is_form else _json(text)
    answer = content.get("text") or ""
    if content.get("encoding") == "base64":
        answer = base64.b64decode(answer).decode("utf-8", "replace")
    parts = urlsplit(request["url"])
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return Exchange(request["method"], path, _headers(request), body, is_form, _json(answer))


def _said(message: Mapping[str, Any]) -> Said:
    data = message["data"]
    found = PREFIX.match(data)
    prefix = found[0] if found else ""
    body = _json(data[len(prefix) :]) if len(prefix) < len(data) else None
    at_s = message.get("time", 0)
    at_s = float(at_s) if isinstance(at_s, int | float) else 0.0
    return Said(DIRECTIONS[message["type"]], data, prefix if body is not None else data, body, at_s)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every text, number and flag of a JSON value, with its path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from leaves(item, f"{path}.{key}" if path else str(key))
    if not isinstance(value, dict | list):
        yield path, value


def last_of(path: str) -> str:
    """The name of the member that a path ends with."""
    return path.rpartition(".")[2]


def passwords_in(call: Exchange) -> list[str]:
    """The texts of a call's body that are called like passwords."""
    named = ((last_of(path).lower(), value) for path, value in leaves(call.body))
    return [value for name, value in named if isinstance(value, str) and any(word in name for word in PASSWORDS)]


def is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.:/-]{0,30}", value) is not None


def may_name(value: Any) -> bool:
    """Whether a value may be somebody's name for something: a room, a message."""
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same, and of one type: true is not 1."""
    return type(one) is type(other) and bool(one == other)


def has_value(body: Any, wanted: Any) -> bool:
    return any(is_same(value, wanted) for _, value in leaves(body))


def credentials_in(body: Any, name: str = "") -> Any:
    """The body of a login, with what is the account's own as variables."""
    if isinstance(body, dict):
        return {key: credentials_in(value, key) for key, value in body.items() if value is not None}
    if isinstance(body, list):
        return [credentials_in(value, name) for value in body if value is not None]
    lowered = name.lower()
    if any(word in lowered for word in PASSWORDS):
        return "$password"
    if (isinstance(body, str) and re.fullmatch(r"[^@\s]+@[^@\s]+", body)) or "mail" in lowered:
        return "$email"
    if isinstance(body, str):
        return "$username" if NAMES.search(name) else body.replace("$", "$$")
    return body
