"""What a frame means, by an ordered list of conditions: the first that fits decides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson

from hubbub.contracts.calls import ID_LIMIT, checked_id
from hubbub.contracts.events import AnyEvent, Delivery, Event, EventKind, Frame
from hubbub.contracts.templates import MISSING, Template, lookup
from hubbub.errors import ContractError

DELIVERY = "delivery"
MEANINGS = {
    "connected": EventKind.CONNECTED,
    "joined": EventKind.JOINED,
    "confirmed": EventKind.CONFIRMED,
    "refused": EventKind.REFUSED,
    "throttled": EventKind.THROTTLED,
    "limit": EventKind.LIMIT,
    "failed": EventKind.FAILED,
    "dropped": EventKind.DROPPED,
    "shutdown": EventKind.SHUTDOWN,
    "typing": EventKind.TYPING,
    "presence": EventKind.PRESENCE,
    "other": EventKind.OTHER,
}
STATES = {True: True, False: False, "online": True, "offline": False, "start": True, "stop": False}
UNKNOWN_SENDER = -1
SHOWN_BYTES = 80
MOST_PARTS = 10_000
"""Of a list in one frame."""

LONGEST_TYPE = 40
LONGEST_MEMORY = 4_096
"""Letters of a value that is remembered: positions, tokens and names are shorter."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Unit:
    """One unit of the backend: its text, and the JSON that begins at some place in it, read once."""

    __slots__ = ("_json", "payload", "text")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.text = payload.decode("utf-8", "replace")
        self._json: dict[str, Any] = {}

    def json(self, text: str) -> Any:
        """A part of the text as JSON; MISSING where it is none."""
        if text not in self._json:
            try:
                self._json[text] = orjson.loads(text)
            except ValueError:
                self._json[text] = MISSING
        return self._json[text]


class Rule:
    """One `when`. Conditions: `is`, `starts`, `matches` (a regular expression), `has` and `where` (JSON paths), `knows`
    (names that earlier frames gave)."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.table = table
        self.means: str = table.get("means", "other")
        self.starts: str = table.get("starts", "")
        self.reply = [Template(text) for text in _listed(table.get("reply", []))]
        self.is_also: bool = table.get("also", False)
        self.remembers: Mapping[str, str] = table.get("remember", {})
        self._remembered = {name: _with_default(path) for name, path in self.remembers.items()}
        self._each: str | None = table.get("each")
        self._is: str | None = table.get("is")
        self._matches = re.compile(table["matches"], re.DOTALL) if "matches" in table else None
        self.knows = frozenset(_listed(table.get("knows", [])))
        self._has = _listed(table.get("has", []))
        self._where: Mapping[str, Any] = table.get("where", {})
        self._json_from: int | str = table.get("json_from", 0)
        texts = [value for value in self._where.values() if isinstance(value, str)]
        self._type = (texts or [self._is or self.starts])[0][:LONGEST_TYPE]

    @property
    def is_decided_by_start(self) -> bool:
        """Whether how a frame starts is all that it takes."""
        is_more = self._is is not None or self._matches is not None or self._each is not None
        return bool(self.starts) and not (is_more or self._has or self._where or self.knows)

    def apply(self, frame: Unit, values: Mapping[str, Any] = NOTHING) -> tuple[Any, Mapping[str, str]] | None:
        """The JSON of a frame that fits (MISSING where it has none), and what its expression found; else None."""
        text = frame.text
        if not text.startswith(self.starts) or (self._is is not None and text != self._is):
            return None
        if any(values.get(name) is None for name in self.knows):
            return None
        groups: Mapping[str, str] = {}
        part = text
        if self._matches is not None:
            found = self._matches.fullmatch(text)
            if found is None:
                return None
            groups = {name: value for name, value in found.groupdict().items() if value is not None}
            part = groups.get("json", text)
        elif isinstance(self._json_from, int):
            part = text[self._json_from :]
        else:
            part = text[max(0, text.find(self._json_from)) :]
        body = frame.json(part)
        if any(lookup(body, path) is MISSING for path in self._has):
            return None
        if any(not _is_same(lookup(body, path), value) for path, value in self._where.items()):
            return None
        return body, groups

    def parts(self, body: Any) -> Sequence[Any]:
        """What it concerns of a frame's JSON: all of it, or each part of a list. Raises ContractError."""
        if self._each is None:
            return (body,)
        found = lookup(body, self._each)
        if not isinstance(found, list):
            raise ContractError(f"expected a list at {self._each!r}")
        if len(found) > MOST_PARTS:
            raise ContractError(f"expected at most {MOST_PARTS} at {self._each!r}, got {len(found)}")
        return found

    def remember(self, body: Any, groups: Mapping[str, str], learned: dict[str, Any]) -> None:
        """Keep what is said in a frame for later ones. What is not there changes nothing; what is null is forgotten."""
        for name, (path, default) in self._remembered.items():
            found = groups.get(path, MISSING) if path in groups else lookup(body, path)
            found = default if found is MISSING else found
            if found is not MISSING and not _is_too_long(found):
                learned[name] = found

    def event(self, body: Any, groups: Mapping[str, str]) -> AnyEvent:
        """What the frame means. Raises ContractError where it has not what its meaning takes."""
        if self.means == DELIVERY:
            content = self._value("text", body, groups)
            if not isinstance(content, str):
                raise ContractError(f"expected a text at {self.table.get('text', 'text')!r}")
            sender = self._id("sender", body, groups) or UNKNOWN_SENDER
            return Delivery(self._id("room", body, groups), sender, content)
        kind = MEANINGS[self.means]
        number = self._value("number", body, groups)
        if kind is EventKind.CONFIRMED and number is MISSING and "number" in self.table:
            raise ContractError(f"expected the message's number at {self.table['number']!r}")
        said = self._value("says", body, groups)
        state = self._value("state", body, groups)
        return Event(
            kind,
            self._id("room", body, groups),
            _number(number),
            self._said(said),
            self._id("user", body, groups),
            STATES.get(state) if isinstance(state, str | bool) else None,
        )

    def frames(self, values: Mapping[str, Any], body: Any) -> Sequence[Frame]:
        """What is answered."""
        return [template.fill(values, None if body is MISSING else body) for template in self.reply]

    def _said(self, said: Any) -> str:
        if said is not MISSING:
            return said if isinstance(said, str) else orjson.dumps(said).decode()
        return str(self.table.get("says_text", "" if self.means != "other" else self.table.get("type", self._type)))

    def _value(self, key: str, body: Any, groups: Mapping[str, str]) -> Any:
        if key in groups:
            return groups[key]
        path = self.table.get(key)
        return MISSING if path is None else lookup(body, path)

    def _id(self, key: str, body: Any, groups: Mapping[str, str]) -> str | int:
        value = self._value(key, body, groups)
        return 0 if value is MISSING or value is None else checked_id(value)


class Rules:
    """The rules of a contract, in order."""

    def __init__(self, tables: Sequence[Mapping[str, Any]]) -> None:
        self._rules = [Rule(table) for table in tables]

    @property
    def answers_deliveries(self) -> bool:
        """Whether each delivery has to be looked at: it is to be answered, also by a rule below, or what it says is."""
        used = self.names | self.known
        for place, rule in enumerate(self._rules):
            below = self._rules[place:] if rule.is_also else [rule]
            if rule.means == DELIVERY and (any(each.reply for each in below) or used & rule.remembers.keys()):
                return True
        return False

    @property
    def names(self) -> set[str]:
        """The variables of its replies."""
        return {name for rule in self._rules for template in rule.reply for name in template.names}

    @property
    def known(self) -> set[str]:
        """The variables that conditions ask for."""
        return {name for rule in self._rules for name in rule.knows}

    @property
    def remembered(self) -> set[str]:
        """The variables that frames give."""
        return {name for rule in self._rules for name in rule.remembers}

    @property
    def prefixes(self) -> tuple[bytes, ...]:
        """What frames begin with that are deliveries for certain: of rules that nothing else can hide."""
        found = []
        for place, rule in enumerate(self._rules):
            if rule.means == DELIVERY and rule.is_decided_by_start and not rule.reply and not rule.is_also:
                before = self._rules[:place]
                if all(each.is_decided_by_start and not rule.starts.startswith(each.starts) for each in before):
                    found.append(rule.starts.encode())
        return tuple(found)

    def place(self, payload: bytes) -> int | None:
        """Which rule a unit fits first; None for none."""
        unit = Unit(payload)
        return next((place for place, rule in enumerate(self._rules) if rule.apply(unit) is not None), None)

    def receive(
        self, payload: bytes, values: Mapping[str, Any], learned: dict[str, Any] | None = None
    ) -> list[AnyEvent]:
        """What a unit means, as events. What is to be remembered of it is added to `learned`."""
        learned = {} if learned is None else learned
        frame = Unit(payload)
        events: list[AnyEvent] = []
        for place, rule in enumerate(self._rules):
            fitting = rule.apply(frame, values)
            if fitting is None:
                continue
            body, groups = fitting
            try:
                for part in rule.parts(body):
                    events.append(rule.event(part, groups))
                    if rule.remembers:
                        rule.remember(part, groups, learned)
            except ContractError as error:
                return [*events, Event(EventKind.UNREADABLE, text=f"when[{place}]: {error}: {payload[:SHOWN_BYTES]!r}")]
            if rule.reply:
                events.append(Event(EventKind.REPLY, frames=rule.frames(values, body)))
            if not rule.is_also:
                return events
        if events:
            return events
        body = frame.json(frame.text)
        return [Event(EventKind.OTHER, text=_type_of(body))]


def _with_default(path: str) -> tuple[str, Any]:
    """`subscribe.offset or 0`: a path, and what is remembered where nothing stands there; MISSING for nothing."""
    path, _, default = path.partition(" or ")
    if not default:
        return path, MISSING
    try:
        return path, orjson.loads(default)
    except ValueError:
        return path, default


def _is_too_long(value: Any) -> bool:
    return isinstance(value, dict | list) or (isinstance(value, str) and len(value) > LONGEST_MEMORY)


def _type_of(body: Any) -> str:
    """What a frame says that it is, where it has a member that looks so."""
    kinds = (body.get(name) for name in ("type", "event", "op", "t")) if isinstance(body, dict) else ()
    return next((kind[:LONGEST_TYPE] for kind in kinds if isinstance(kind, str)), "")


def _is_same(found: Any, wanted: Any) -> bool:
    return found is not MISSING and type(found) is type(wanted) and found == wanted


def _number(value: Any) -> int:
    """A message's number, which came back as a number or a text; 0 for none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < len(str(ID_LIMIT)):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < ID_LIMIT else 0


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
