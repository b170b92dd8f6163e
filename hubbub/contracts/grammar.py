"""The grammar of a contract in TOML: every table and key, what it holds, and the JSON Schema of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubbub.contracts.rules import DELIVERY, MEANINGS
from hubbub.errors import ConfigError
from hubbub.spelling import did_you_mean


@dataclass(frozen=True, slots=True)
class Kind:
    """What a key holds: in words, as a check, and as JSON Schema."""

    expected: str
    is_right: Callable[[Any], bool]
    schema: Mapping[str, Any]


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_regex(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


def _one_of(*names: str) -> Kind:
    return Kind(f"one of {', '.join(names)}", lambda value: value in names, {"enum": list(names)})


_LIST = {"type": "array", "items": {"type": "string"}}
TEXT = Kind("a text", lambda value: isinstance(value, str), {"type": "string"})
PATH = Kind('a path such as "user.id"', lambda value: isinstance(value, str), {"type": "string"})
FLAG = Kind("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
COUNT = Kind("a whole number", _is_number, {"type": "integer", "minimum": 0})
TEXTS = Kind(
    "a text or a list of texts",
    lambda value: isinstance(value, str) or _is_strings(value),
    {"anyOf": [{"type": "string"}, _LIST]},
)
STATUSES = Kind(
    "a list of statuses such as [200, 201]",
    lambda value: isinstance(value, list) and all(map(_is_number, value)),
    {"type": "array", "items": {"type": "integer"}},
)
STRINGS = Kind(
    'names and texts such as {email = "$email"}',
    lambda value: isinstance(value, dict) and all(isinstance(each, str) for each in value.values()),
    {"type": "object", "additionalProperties": {"type": "string"}},
)
ANYTHING = Kind("a value", lambda value: True, {})
VALUES = Kind(
    'paths and values such as {type = "message"}',
    lambda value: isinstance(value, dict) and not any(isinstance(each, dict | list) for each in value.values()),
    {"type": "object"},
)
PLACE = Kind(
    "a number of letters, or the text where the JSON begins",
    lambda value: _is_number(value) or isinstance(value, str),
    {"type": ["integer", "string"]},
)
REGEX = Kind("a regular expression", _is_regex, {"type": "string", "format": "regex"})

CALL = {
    **dict.fromkeys(("get", "post", "put", "patch", "delete"), TEXT),
    "json": ANYTHING,
    "form": STRINGS,
    "body": TEXT,
    "headers": STRINGS,
    "accepts": STATUSES,
    "token": PATH,
}
TOP = {
    "name": TEXT,
    "echo": FLAG,
    "accounts": _one_of("signup", "given", "any"),
    "room": TEXT,
    "separator": TEXT,
    "max_content": COUNT,
    "history_cache_s": COUNT,
}
TABLES: dict[str, dict[str, Kind]] = {
    "health": CALL,
    "signup": CALL | {"user": PATH, "set": STRINGS},
    "login": CALL | {"user": PATH, "set": STRINGS},
    "create": CALL | {"room": PATH},
    "member": CALL,
    "part": CALL,
    "ticket": CALL | {"ticket": PATH},
    "history": CALL | {"items": PATH, "id": PATH, "text": PATH, "size": COUNT},
    "post": CALL,
    "open": {
        "path": TEXT,
        "headers": STRINGS,
        "subprotocol": TEXT,
        "send": TEXTS,
        "accepted": _one_of("frame", "upgrade"),
    },
    "join": {"send": TEXTS, "confirmed": FLAG},
    "leave": {"send": TEXTS},
    "message": {"send": TEXTS},
    "typing": {"start": TEXTS, "stop": TEXTS},
    "read": {"send": TEXTS},
    "heartbeat": {"every": TEXT, "send": TEXTS},
    "recover": {"within": TEXT, "open": TEXTS, "join": TEXTS, "same": TEXT},
}
STEPS = ("signup", "login")
"""Tables that may be several, one call after the other."""

WHEN: dict[str, Kind] = {
    "is": TEXT,
    "starts": TEXT,
    "matches": REGEX,
    "has": TEXTS,
    "where": VALUES,
    "knows": TEXTS,
    "json_from": PLACE,
    "means": _one_of(DELIVERY, *MEANINGS),
    "reply": TEXTS,
    "type": TEXT,
    "each": PATH,
    "also": FLAG,
    "remember": STRINGS,
    **dict.fromkeys(("text", "sender", "room", "number", "says", "user", "state"), PATH),
}
CONDITIONS = ("is", "starts", "matches", "has", "where", "knows")
METHODS = ("get", "post", "put", "patch", "delete")


def check(values: Mapping[str, Any], path: Path, text: str) -> None:
    """Raise ConfigError for what the grammar has not, with its line, its key, and what was expected."""
    place = _Place(path, text)
    for key, value in values.items():
        if key == "when":
            _check_list(value, "when", WHEN, place)
        elif key in STEPS and isinstance(value, list):
            _check_list(value, key, TABLES[key], place)
        elif key in TABLES:
            _check_table(value, key, 0, TABLES[key], place)
        elif key in TOP:
            _check_value(value, "", 0, key, TOP[key], place)
        else:
            known = ", ".join((*TOP, *TABLES, "when"))
            meant = did_you_mean(key, (*TOP, *TABLES, "when"))
            raise ConfigError(f"{place.of('', 0, key)}there is no key {key!r}; there are {known}.{meant}")
    _check_whole(values, place)


def normalised(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same tables, with underscores in the keys of the grammar: a hyphen will do."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        keys = WHEN if name == "when" else TABLES.get(name, {})
        if isinstance(value, list):
            found[name] = [_renamed(each, keys) if isinstance(each, dict) else each for each in value]
        else:
            found[name] = _renamed(value, keys) if isinstance(value, dict) else value
    return found


def _renamed(table: Mapping[str, Any], keys: Mapping[str, Kind]) -> dict[str, Any]:
    return {plain if (plain := key.replace("-", "_")) in keys else key: value for key, value in table.items()}


def _check_whole(values: Mapping[str, Any], place: _Place) -> None:
    """What concerns more than one key."""
    for needed in ("open", "message", "when"):
        if needed not in values and not (needed == "message" and "post" in values):
            raise ConfigError(f"{place.name} has no [{needed}]: a contract needs open, message (or post) and when.")
    _check_rules(values.get("when", ()), place)
    has_accounts = "login" in values or "signup" in values or values.get("accounts") == "given"
    for name in ("create", "member"):
        if name in values and not has_accounts:
            raise ConfigError(
                f'{place.of(name, 0, "")}[{name}] needs accounts: [login], [signup] or accounts = "given".'
            )
    if "recover" in values and "within" not in values["recover"]:
        raise ConfigError(
            f'{place.of("recover", 0, "")}[recover] needs within: how long the backend keeps what is missed, "2m".'
        )
    if values.get("accounts") == "any" and "login" in values:
        raise ConfigError(f'{place.of("", 0, "accounts")}accounts = "any" and [login] contradict each other.')
    _check_calls(values, place)


def _check_rules(rules: Any, place: _Place) -> None:
    """What a rule needs, and what hides those below it."""
    for number, rule in enumerate(rules):
        if not any(key in rule for key in CONDITIONS) and number < len(rules) - 1 and not rule.get("also"):
            raise ConfigError(
                f"{place.of('when', number, '')}when[{number}] has no condition ({', '.join(CONDITIONS)}), so that "
                "the rules below it are never reached."
            )
        if rule.get("means") == DELIVERY and "text" not in rule and "(?P<text>" not in rule.get("matches", ""):
            raise ConfigError(f"{place.of('when', number, 'means')}a delivery needs text: the path of what it says.")


def _check_calls(values: Mapping[str, Any], place: _Place) -> None:
    """A call has one method, and one body."""
    for name in (*STEPS, "health", "create", "member", "part", "ticket", "history", "post"):
        tables = values.get(name, [])
        for number, table in enumerate(tables if isinstance(tables, list) else [tables]):
            bodies = [name for name in ("json", "form", "body") if name in table]
            if len(bodies) > 1:
                raise ConfigError(
                    f"{place.of(name, number, bodies[1])}[{name}] has {' and '.join(bodies)}: a call has one body."
                )
            if sum(method in table for method in METHODS) != 1:
                raise ConfigError(
                    f"{place.of(name, number, '')}[{name}] must have one of {', '.join(METHODS)}, such as "
                    f'post = "/api/{name}".'
                )


class _Place:
    """Where in the text of a file something stands: TOML's own reader does not tell."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    @property
    def name(self) -> str:
        """The file's name."""
        return self._path.name

    def of(self, table: str, number: int, key: str) -> str:
        """`file.toml, line 7: `, of a key of the `number`-th table of a name, or of the table itself."""
        line = self._line(table, number, key)
        return f"{self._path.name}, line {line}: " if line else f"{self._path.name}: "

    def _line(self, table: str, number: int, key: str) -> int:
        here, seen = "", -1
        for at, text in enumerate(self._lines, 1):
            stripped = text.strip()
            if stripped.startswith("["):
                here = stripped.split("#")[0].strip().strip("[]").strip().strip("'\"")
                seen += here == table
                if here == table and seen == number and not key:
                    return at
            elif here == table and (not table or seen == number):
                name = stripped.partition("=")[0].strip().strip("'\"").replace("-", "_")
                if key and name == key and "=" in stripped:
                    return at
        return 0


def _check_list(value: Any, name: str, keys: Mapping[str, Kind], place: _Place) -> None:
    if not isinstance(value, list):
        raise ConfigError(f"{place.of('', 0, name) or ''}{name} must be a list of tables: write [[{name}]].")
    for number, table in enumerate(value):
        _check_table(table, name, number, keys, place)


def _check_table(table: Any, name: str, number: int, keys: Mapping[str, Kind], place: _Place) -> None:
    if not isinstance(table, dict):
        raise ConfigError(f"{place.of('', 0, name)}{name} must be a table: write [{name}].")
    for key, value in table.items():
        plain = key.replace("-", "_")
        if plain not in keys:
            where = place.of(name, number, plain)
            meant = did_you_mean(plain, keys)
            raise ConfigError(f"{where}[{name}] has no key {key!r}; it has {', '.join(keys)}.{meant}")
        _check_value(value, name, number, plain, keys[plain], place)


def _check_value(value: Any, table: str, number: int, key: str, kind: Kind, place: _Place) -> None:
    if not kind.is_right(value):
        shown = json.dumps(value, default=str)[:80]
        raise ConfigError(f"{place.of(table, number, key)}{key} must be {kind.expected}, not {shown}.")


def schema() -> dict[str, Any]:
    """The grammar as JSON Schema, for editors."""
    tables = {name: _object(keys) for name, keys in TABLES.items()}
    for name in STEPS:
        tables[name] = {"anyOf": [tables[name], {"type": "array", "items": tables[name]}]}
    top = {key: kind.schema for key, kind in TOP.items()}
    when = {"type": "array", "items": _object(WHEN)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "How Hubbub speaks to a chat backend",
        "type": "object",
        "additionalProperties": False,
        "required": ["open", "when"],
        "properties": top | tables | {"when": when},
    }


def _object(keys: Mapping[str, Kind]) -> dict[str, Any]:
    properties = {key: dict(kind.schema) | {"description": kind.expected} for key, kind in keys.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}
