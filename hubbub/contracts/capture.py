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
NAMES = ("user", "login", "name", "nick", "identifier")


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
    """A frame of the capture: what stands before its JSON, and that; None where there is none."""

    is_sent: bool
    text: str
    prefix: str
    body: Any


@dataclass
class Capture:
    """What was found in a HAR: the calls, and the frames of the WebSocket with the most of them."""

    calls: list[Exchange] = field(default_factory=list)
    frames: list[Said] = field(default_factory=list)
    url: str = ""
    upgrade_headers: dict[str, str] = field(default_factory=dict)


def read_capture(values: Any) -> Capture:
    """What a HAR has, as far as it is of use. Raises ConfigError where it is none, or has no WebSocket."""
    try:
        entries = values["log"]["entries"]
        capture = Capture([_exchange(entry) for entry in entries if not entry.get("_webSocketMessages")])
        links = [entry for entry in entries if entry.get("_webSocketMessages")]
        link = max(links, key=lambda entry: len(entry["_webSocketMessages"]), default=None)
        if link is None:
            raise ConfigError(
                "learn: the capture has no WebSocket with messages (Chrome saves them, as _webSocketMessages)."
            )
        capture.url = link["request"]["url"]
        capture.upgrade_headers = _headers(link["request"])
        capture.frames = [_said(each) for each in link["_webSocketMessages"]]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"learn: this is no HAR ({type(error).__name__}: {error}).") from error
    return capture


def _headers(request: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"].lower(): each["value"] for each in request.get("headers", [])}


def _exchange(entry: Mapping[str, Any]) -> Exchange:
    request, content = entry["request"], entry.get("response", {}).get("content", {})
    posted = request.get("postData", {})
    text = posted.get("text", "")
    is_form = "form-urlencoded" in posted.get("mimeType", "")
    body = dict(parse_qsl(text)) if is_form else _json(text)
    answer = content.get("text", "")
    if content.get("encoding") == "base64":
        answer = base64.b64decode(answer).decode("utf-8", "replace")
    parts = urlsplit(request["url"])
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return Exchange(request["method"], path, _headers(request), body, is_form, _json(answer))


def _said(message: Mapping[str, Any]) -> Said:
    data = message.get("data", "")
    found = PREFIX.match(data)
    prefix = found[0] if found else ""
    body = _json(data[len(prefix) :]) if len(prefix) < len(data) else None
    return Said(message.get("type") in ("send", "sent"), data, prefix if body is not None else data, body)


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


def has_password(call: Exchange) -> bool:
    names = (path for path, _ in leaves(call.body))
    return any(word in name.lower() for name in names for word in PASSWORDS)


def is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.:/-]{0,30}", value) is not None


def may_name(value: Any) -> bool:
    """Whether a value may be somebody's name for something: a room, a message."""
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def has_value(body: Any, wanted: Any) -> bool:
    return any(value == wanted and type(value) is type(wanted) for _, value in leaves(body))


def credential(name: str, value: Any) -> Any:
    """What stands for a member of a login's body."""
    lowered = name.lower()
    if any(word in lowered for word in PASSWORDS):
        return "$password"
    if isinstance(value, str) and "@" in value:
        return "$email"
    if "mail" in lowered or not isinstance(value, str):
        return "$email" if "mail" in lowered else value
    return "$username" if any(word in lowered for word in NAMES) else value


def answer_to(ping: Said, pong: Said) -> str:
    """What was answered, with what it repeats of the question as its place there."""
    text = pong.text.replace("$", "$$")
    for path, value in leaves(ping.body):
        if not is_name(value) and may_name(value):
            text = text.replace(json.dumps(value), f"$({path})", 1)
    return text
