"""What `hubbub try` prints: what is said, without secrets, and what it was taken for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from hubbub.client.guard import GuardedDialogue
from hubbub.contracts import AnyEvent, Contract, Delivery, Frame, HttpRequest
from hubbub.contracts.capture import leaves
from hubbub.contracts.declarative import Declarative

SHOWN = 200
SECRETS = "(?:token|pass|pwd|secret|ticket|jwt|sid|session|csrf)"
SECRET_NAMES = re.compile(f"(?i){SECRETS}")
MIN_HIDDEN = 3
_AUTH = re.compile(r"(<auth\b[^>]*>)[^<]+(</auth>)")
_TOKENS = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
"""A JWT is a secret wherever it stands."""


class Shown:
    """Prints what is said, without secrets, each line as long as a screen is wide."""

    def __init__(self, write: Callable[[str], object] = print) -> None:
        self._write = write
        self._secrets: set[str] = set()

    def hide(self, *secrets: str) -> None:
        """Never show these, however they are written."""
        for secret in filter(lambda secret: len(secret) > MIN_HIDDEN, secrets):
            self._secrets |= {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}

    def hide_in(self, answer: bytes) -> None:
        """Never show what an answer calls a secret."""
        try:
            values = json.loads(answer)
        except (ValueError, RecursionError):
            return
        for path, value in leaves(values):
            if isinstance(value, str) and SECRET_NAMES.search(path.rpartition(".")[2]):
                self.hide(value)

    def line(self, text: str) -> None:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        text = _AUTH.sub(r"\1***\2", _TOKENS.sub("***", text))
        printable = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
        self._write(printable if len(printable) <= SHOWN else f"{printable[:SHOWN]}...")

    def frame(self, who: str, arrow: str, data: Frame) -> None:
        text = data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")
        self.line(f"[{who}] {arrow} {text}")


def asked(request: HttpRequest, shown: Shown) -> HttpRequest:
    """The same calls, shown with their answers."""

    def ask(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        shown.line(f"-> {method} {path} {_masked(body)}".rstrip())
        status, answer = request(method, path, headers, body)
        shown.hide_in(answer)
        shown.line(f"<- {status} {_masked(answer)}".rstrip())
        return status, answer

    return ask


def _masked(body: bytes) -> str:
    """A body without the values of members that are called like secrets."""
    text = body.decode("utf-8", "backslashreplace")
    text = re.sub(rf'(?i)("[^"]*{SECRETS}[^"]*"\s*:\s*")[^"]*', r"\1***", text)
    return re.sub(rf"(?i)(^|&)([^=&]*{SECRETS}[^=&]*=)[^&]*", r"\1\2***", text)


def meaning(contract: Contract, dialogue: GuardedDialogue, unit: bytes) -> tuple[Sequence[AnyEvent], str]:
    """What a unit means, and why."""
    why = ""
    if isinstance(contract, Declarative):
        place = contract.rules.place(unit)
        table = contract.table["when"][place] if place is not None else None
        why = f", because when[{place}] {_conditions(table)}" if table is not None else ", because no `when` fits"
    return dialogue.receive(unit), why


def _conditions(table: Mapping[str, Any]) -> str:
    keys = ("is", "starts", "matches", "has", "where")
    return ", ".join(f"{key} = {json.dumps(table[key])}" for key in keys if key in table)


def in_words(event: AnyEvent) -> str:
    """What an event says to a reader."""
    if isinstance(event, Delivery):
        return f"delivery of {event.content[:40]!r} in {event.conversation_id!r} by {event.sender_id!r}"
    words = event.kind.name.lower()
    words += f" of number {event.number}" if event.number else ""
    words += f" in {event.conversation_id!r}" if event.conversation_id else ""
    return f"{words} ({event.text[:80]})" if event.text else words
