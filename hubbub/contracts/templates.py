"""Texts with variables in them, such as `{"to":$room.json}`, and paths into JSON, such as `push.pub.data.text`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from hubbub.errors import ContractError

_FORM = r"(?P<form>\.json\.inner|\.json|\.url)?"
_VARIABLE = re.compile(r"\$(?:\$|\((?P<path>[^()]*)\)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)" + _FORM + ")")

MISSING = object()
"""What a path finds where there is nothing."""


def as_text(value: Any) -> str:
    """A value in a text: what is no text already as JSON has it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def as_json(value: Any) -> str:
    """A value in JSON, as browsers write it: a frame's limit counts its bytes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


_FORMS: dict[str | None, Callable[[Any], str]] = {
    None: as_text,
    ".json": as_json,
    ".json.inner": lambda value: as_json(as_json(value))[1:-1],
    ".url": lambda value: quote(as_text(value), safe=""),
}


class Template:
    """A text with `$name`, `$name.json`, `$name.json.inner` (as JSON in a text of JSON), `$name.url`,
    `$(path)` (of the frame that is answered, as JSON) and `$$`.

    `names` are its variables. Filling it costs one join: messages are made of it.
    """

    __slots__ = ("_parts", "names", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts: list[str | tuple[str, Callable[[Any], str], bool]] = []
        position = 0
        for found in _VARIABLE.finditer(text):
            self._parts.append(text[position : found.start()])
            position = found.end()
            if found["path"] is not None:
                self._parts.append((found["path"], as_json, True))
            elif found["name"] is not None:
                self._parts.append((found["name"], _FORMS[found["form"]], False))
            else:
                self._parts.append("$")
        self._parts.append(text[position:])
        self.names = frozenset(part[0] for part in self._parts if isinstance(part, tuple) and not part[2])

    def fill(self, values: Mapping[str, Any], frame: Any = None) -> str:
        """The text with its values. Raises ContractError for a variable that has none."""
        return "".join(part if isinstance(part, str) else self._filled(*part, values, frame) for part in self._parts)

    def _filled(
        self, name: str, form: Callable[[Any], str], is_path: bool, values: Mapping[str, Any], frame: Any
    ) -> str:
        value = lookup(frame, name) if is_path else values.get(name, MISSING)
        if value is MISSING:
            shown = f"$({name})" if is_path else f"${name}"
            raise ContractError(f"{self.text!r}: there is no {shown} here; there are {', '.join(sorted(values))}")
        return form(value)


class ValueTemplate:
    """Any value of TOML with variables in its texts. A text that is one variable alone keeps the value's type."""

    def __init__(self, value: Any) -> None:
        self._value = _compiled(value)
        self.names = frozenset(_names_in(self._value))

    def fill(self, values: Mapping[str, Any]) -> Any:
        """The value with its variables filled in. Raises ContractError."""
        return _filled(self._value, values)


def _compiled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _compiled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_compiled(item) for item in value]
    return Template(value) if isinstance(value, str) else value


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _names_in(item)
    elif isinstance(value, Template):
        yield from value.names


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if not isinstance(value, Template):
        return value
    alone = value.text[1:]
    return values[alone] if value.names == {alone} and alone in values else value.fill(values)


def lookup(value: Any, path: str) -> Any:
    """What stands in a JSON value at a path of members and places; MISSING where there is nothing.

    The empty path is the value itself. A step that ends with `|json` reads the text there as JSON.
    """
    for step in path.split(".") if path else ():
        name, _, form = step.partition("|")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif name:
            return MISSING
        if form == "json":
            try:
                value = orjson.loads(value)
            except (ValueError, TypeError):
                return MISSING
    return value
