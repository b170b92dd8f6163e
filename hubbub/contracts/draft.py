"""TOML as a person would write it, and frames as templates: what is filled in stands at its place, and only there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class Draft:
    """`lines` are what was written so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        """One more line of the table that was begun last."""
        self.lines.append(text)

    def note(self, text: str) -> None:
        """A comment of its own."""
        self.lines += ["", text]

    def table(self, name: str, how_sure: str, keys: Mapping[str, str]) -> None:
        """Begin a table."""
        self.lines += ["", f"[{name}]  # {how_sure}"]
        self.keys(keys)

    def keys(self, keys: Mapping[str, str]) -> None:
        """Texts of the table that was begun last."""
        self.lines += [f"{key} = {quoted(value)}" for key, value in keys.items()]

    def when(self, how_sure: str, rule: Mapping[str, Any]) -> None:
        """One more rule."""
        self.lines += ["", f"[[when]]  # {how_sure}"]
        for key, value in rule.items():
            self.lines.append(f"{key} = {_value(value)}")


def quoted(value: Any) -> str:
    """A value as TOML; a text as it is, if nothing in it has to be escaped."""
    if not isinstance(value, str):
        return json.dumps(value)
    return f"'{value}'" if "'" not in value and value.isprintable() else _escaped(value)


def _escaped(value: str) -> str:
    """As JSON, but for what TOML has no escape for: halves of a letter, and letters in two halves."""
    whole = value.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def inline(values: Mapping[str, Any]) -> str:
    """A table in one line. TOML has no null: members without a value are left out."""
    items = ((key, value) for key, value in values.items() if value is not None)
    return "{" + ", ".join(f"{_escaped(key)} = {_value(value)}" for key, value in items) + "}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return inline(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value if each is not None) + "]"
    return quoted(value)


def template_of(body: Any, places: Mapping[str, str], path: str = "") -> str:
    """JSON as a template: at some paths stand variables, and everything else is as it was."""
    if path in places:
        return places[path]
    if isinstance(body, dict):
        items = (
            f"{_plain(key)}:{template_of(value, places, f'{path}.{key}' if path else str(key))}"
            for key, value in body.items()
        )
        return "{" + ",".join(items) + "}"
    if isinstance(body, list):
        parts = (template_of(value, places, f"{path}.{at}" if path else str(at)) for at, value in enumerate(body))
        return "[" + ",".join(parts) + "]"
    return _plain(body)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")
