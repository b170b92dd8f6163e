"""The opening handshake (RFC 6455, 4) of a client: the request, and a strict reading of the answer. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubbub.errors import ConnectError

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, 1.3."""

MAX_HEAD_BYTES = 16 * 1024
SWITCHING_PROTOCOLS = 101
_STATUS_LINE = re.compile(r"HTTP/1\.1 (\d{3})(?: [^\x00-\x08\x0a-\x1f]*)?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRETS = re.compile(r"(?i)(ticket|token|key|secret|password|authorization)([\"'=: ]+)[^\s\"'&,}]+")
SHOWN_TEXT = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server agreed to. `extensions` is its Sec-WebSocket-Extensions, empty for none."""

    extensions: str


def make_key(random_bytes: bytes) -> str:
    """The Sec-WebSocket-Key of 16 random bytes."""
    return base64.b64encode(random_bytes).decode()


def accept_of(key: str) -> str:
    """The Sec-WebSocket-Accept that proves that the server read the key (RFC 6455, 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()  # noqa: S324 - the RFC asks for SHA-1


def build_request(host: str, target: str, key: str, headers: Mapping[str, str], extensions: str = "") -> bytes:
    """The upgrade request. `host` is the Host header unless `headers` have one; `target` the path with its query."""
    own = {name.lower(): value for name, value in headers.items()}
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {own.get('host', host)}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    if extensions:
        lines.append(f"Sec-WebSocket-Extensions: {extensions}")
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() != "host"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def head_length(data: bytes) -> int:
    """Where the answer's head ends, 0 while it is incomplete. Raises ConnectError when it is too long."""
    end = data.find(b"\r\n\r\n")
    if end < 0 and len(data) > MAX_HEAD_BYTES:
        raise ConnectError(f"the answer to the upgrade has a head of over {MAX_HEAD_BYTES} bytes")
    return end + 4 if end >= 0 else 0


def offered_protocols(headers: Mapping[str, str]) -> list[str]:
    """The subprotocols that a request's headers offer."""
    return [
        word.strip()
        for name, value in headers.items()
        if name.lower() == "sec-websocket-protocol"
        for word in value.split(",")
    ]


def read_answer(head: bytes, key: str, offered_extensions: str = "", protocols: Sequence[str] = ()) -> Answer:
    """Check the server's answer. `protocols` are those that were offered.

    Raises ConnectError with the status and a short, redacted text. Redirects are not followed: another host was not
    asked for. Cookies are not kept: users share none.
    """
    lines = head.decode("latin-1").split("\r\n")
    status_line = _STATUS_LINE.fullmatch(lines[0])
    if status_line is None:
        raise ConnectError(f"the answer to the upgrade is not HTTP/1.1: {redact(lines[0])!r}")
    status = int(status_line[1])
    if status != SWITCHING_PROTOCOLS:
        raise ConnectError(f"HTTP {status}", status)
    headers = _headers(lines[1:])
    _expect("websocket" in _words(headers.get("upgrade", [])), "Upgrade is not websocket", status)
    _expect("upgrade" in _words(headers.get("connection", [])), "Connection is not Upgrade", status)
    _expect(headers.get("sec-websocket-accept", []) == [accept_of(key)], "Sec-WebSocket-Accept is wrong", status)
    selected = headers.get("sec-websocket-protocol", [])
    _expect(len(selected) < 2 and set(selected) <= set(protocols), "a subprotocol that was not offered", status)
    extensions = ", ".join(headers.get("sec-websocket-extensions", []))
    _expect(not extensions or bool(offered_extensions), "an extension that was not offered", status)
    return Answer(extensions)


def redact(text: str) -> str:
    """A short text without what looks like a secret or a control character."""
    cleaned = "".join(character if character.isprintable() else " " for character in text)
    return _SECRETS.sub(r"\1\2***", cleaned)[:SHOWN_TEXT]


def _headers(lines: list[str]) -> dict[str, list[str]]:
    """The headers by lower-case name, each with its values in order."""
    headers: dict[str, list[str]] = {}
    for line in filter(None, lines):
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise ConnectError(f"the answer to the upgrade has a bad header: {redact(line)!r}", SWITCHING_PROTOCOLS)
        headers.setdefault(name.lower(), []).append(value.strip(" \t"))
    return headers


def _words(values: list[str]) -> list[str]:
    return [word.strip().lower() for value in values for word in value.split(",")]


def _expect(is_fine: bool, complaint: str, status: int) -> None:
    if not is_fine:
        raise ConnectError(f"the upgrade was answered wrongly: {complaint}", status)
