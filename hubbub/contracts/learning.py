"""`hubbub learn`: a contract proposed from what a browser saved of two people chatting (HAR, as Chrome writes it).

Guesses by what comes back: the token is a text of an answer that is sent later, the message is a text that one side
sent and the other received, its acknowledgement a frame that has its number. What is not seen is left to fill in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from hubbub.contracts.capture import (
    Capture,
    Exchange,
    Said,
    answer_to,
    credential,
    has_password,
    has_value,
    is_name,
    leaves,
    may_name,
    read_capture,
)
from hubbub.contracts.draft import Draft, inline
from hubbub.contracts.templates import lookup

MIN_SECRET = 12
"""A token is longer than a name."""

MIN_WORDS = 2
MAX_PING = 100
"""Letters of a frame that only asks whether anyone is there."""

KINDS = ("type", "event", "op", "cmd", "action", "kind", "msg", "method", "t")
EMAIL = re.compile(r'"[^"@\s]+@[^"@\s]+\.[^"@\s]+"')
FILL_IN = "FILL IN"


class _Prefixed(str):
    """A number that stands before a frame's JSON."""


class Learner:
    """Makes the proposal. `notes` say what it rests on and what is to be filled in."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._draft = Draft()
        self._secrets: dict[str, str] = {}
        self._room: Any = None
        self._user: Any = None
        self._joined: Said | None = None

    def propose(self) -> str:
        """The contract as TOML, with how sure each part is as comments."""
        sent = self._message()
        self._login()
        self._ticket()
        self._rooms(sent)
        self._open()
        self._join(sent)
        self._send(sent)
        self._rules(sent)
        return "\n".join(
            ["# Proposed from a capture: look at every line, and try it with `hubbub try`.", *self._draft.lines, ""]
        )

    # -- HTTP --------------------------------------------------------------------------------------------------------

    def _login(self) -> None:
        """The calls whose bodies have something like a password: the last one whose answer has a text that is sent
        later is the login, and one before it the sign-up."""
        calls = list(filter(has_password, self._capture.calls))
        tokens = {at: token for at, call in enumerate(calls) if (token := self._token_of(call)) is not None}
        if not tokens:
            self._draft.note(f"# {FILL_IN}: no login was seen; without [login] any account will do")
            return
        at = max(tokens)
        for each in calls[:at]:
            self._credentials("signup", "likely: a password was sent before the login", each, self._token_of(each))
            break
        self._credentials("login", "sure: its answer has a token that is sent later", calls[at], tokens[at])

    def _token_of(self, call: Exchange) -> str | None:
        """Where the answer to a call has something secret, which is sent later, or looks like what is."""
        sent = next((path for path, value in leaves(call.answer) if self._is_sent_later(value)), None)
        return sent or next(
            (path for path, value in leaves(call.answer) if "token" in path.lower() and isinstance(value, str)), None
        )

    def _credentials(self, name: str, how_sure: str, call: Exchange, token: str | None) -> None:
        """A table of a call with credentials, and what its answer gives."""
        if token is not None:
            self._secrets[lookup(call.answer, token)] = "token"
        user = next(
            (path for path, value in leaves(call.answer) if re.search(r"(^|[._])(user_?)?id$", path.lower())), None
        )
        self._user = lookup(call.answer, user) if user else self._user
        filled = {key: credential(key, value) for key, value in call.body.items()}
        self._draft.table(name, how_sure, {call.method.lower(): call.path})
        self._draft.line(f"{'form' if call.is_form else 'json'} = {inline(filled)}")
        self._draft.keys(({"token": token} if token is not None else {}) | ({"user": user} if user else {}))

    def _is_sent_later(self, value: Any) -> bool:
        if not isinstance(value, str) or len(value) < MIN_SECRET:
            return False
        capture = self._capture
        texts = [capture.url, unquote(capture.url), *capture.upgrade_headers.values()]
        texts += [each.text for each in capture.frames if each.is_sent]
        texts += [header for call in capture.calls for header in call.headers.values()]
        return any(value in text for text in texts)

    def _ticket(self) -> None:
        url = unquote(self._capture.url)
        for call in self._capture.calls:
            for path, value in leaves(call.answer):
                is_new = isinstance(value, str) and value not in self._secrets and len(value) >= MIN_SECRET
                if is_new and value in url:
                    self._secrets[value] = "ticket"
                    self._draft.table(
                        "ticket", "sure: it stands in the WebSocket's URL", {call.method.lower(): call.path}
                    )
                    self._draft.keys({"ticket": path})
                    return

    def _rooms(self, sent: Mapping[str, Any]) -> None:
        """How a room is made or entered over HTTP: calls with the room's id in the answer, or in the path."""
        room = sent.get("room")
        self._room = room
        if room is None:
            return
        made: set[str] = set()
        for call in self._capture.calls:
            if call.method != "POST" or has_password(call):
                continue
            steps = call.path.partition("?")[0].split("/")
            path = next((path for path, value in leaves(call.answer) if value == room), None)
            if path is not None and str(room) not in steps and isinstance(call.body, dict) and "create" not in made:
                made.add("create")
                named = {
                    name: "$name" if isinstance(value, str) and re.search(r"name|title|topic", name) else value
                    for name, value in call.body.items()
                }
                self._draft.table("create", "likely: its answer has the room of the messages", {"post": call.path})
                self._draft.line(f"json = {inline(self._hidden(named))}")
                self._draft.keys({"room": path})
            elif str(room) in steps and "message" not in call.path and "member" not in made:
                made.add("member")
                self._draft.table("member", "likely: its path has the room", {"post": self._with_room(call.path)})
                if isinstance(call.body, dict) and call.body:
                    self._draft.line(f"json = {inline(self._hidden(call.body))}")

    # -- WebSocket ---------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        parts = urlsplit(self._capture.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._draft.table("open", "sure", {"path": self._templated(path, ".url")})
        headers = self._capture.upgrade_headers
        if "authorization" in headers:
            self._draft.line(f"headers = {inline({'Authorization': self._templated(headers['authorization'], '')})}")
        if protocol := headers.get("sec-websocket-protocol"):
            self._draft.keys({"subprotocol": self._templated(protocol, "")})
        first = self._capture.frames[0]
        if first.is_sent:
            self._draft.keys({"send": self._templated(first.text, "")})
        if not any(not each.is_sent for each in self._capture.frames[:3]):
            self._draft.keys({"accepted": "upgrade"})

    def _message(self) -> dict[str, Any]:
        """The sent frame with a text of words that is received, too: where text, room and number stand in it."""
        frames = self._capture.frames
        best: dict[str, Any] = {}
        for at, frame in enumerate(frames):
            for path, value in leaves(frame.body) if frame.is_sent else ():
                words = isinstance(value, str) and len(value.split()) >= MIN_WORDS
                others = [each for each in frames if not each.is_sent and has_value(each.body, value)]
                if words and others and not best:
                    best = {"at": at, "frame": frame, "text": path, "value": value, "received": others[0]}
        if best:
            best |= self._room_and_number(best)
        return best

    def _room_and_number(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The room stands in the received frame, too; the number in a later frame without the text."""
        kinds = set(self._kinds(sent["frame"].body).values())
        room = next(
            (
                value
                for path, value in leaves(sent["frame"].body)
                if path != sent["text"] and may_name(value) and value not in kinds
                if has_value(sent["received"].body, value)
            ),
            None,
        )
        return {"room": room, "number": self._number_of(sent["at"], {room, sent["value"]} | kinds)}

    def _number_of(self, at: int, others: set[Any]) -> Any:
        """What a later frame has of a sent one, besides others: what it is acknowledged by. None for nothing."""
        frame = self._capture.frames[at]
        later = [each for each in self._capture.frames[at:] if not each.is_sent]
        for _, value in leaves(frame.body):
            if may_name(value) and value not in others and any(has_value(each.body, value) for each in later):
                return value
        digits = re.search(r"\d+$", frame.prefix)
        for size in range(len(digits[0]) if digits else 0, 0, -1):
            tail, head = frame.prefix[-size:], frame.prefix[:-size]
            if any(each.prefix.endswith(tail) and each.prefix[:-size] not in ("", head) for each in later):
                return _Prefixed(tail)
        return None

    def _join(self, sent: Mapping[str, Any]) -> None:
        """The first frame with the room, and what confirms it."""
        frames = self._capture.frames
        if self._room is None:
            return
        at = next(
            (at for at in range(sent["at"]) if frames[at].is_sent and has_value(frames[at].body, self._room)), None
        )
        if at is None:
            return
        number = self._number_of(at, {self._room, *self._kinds(frames[at].body).values()})
        self._draft.table(
            "join", "likely: the first frame with the room", {"send": self._frame(frames[at], {"number": number})}
        )
        if number is None:
            answers = (each for each in frames[at:] if not each.is_sent and has_value(each.body, self._room))
            self._joined = next(answers, None)

    def _send(self, sent: Mapping[str, Any]) -> None:
        if not sent:
            self._draft.note(f"# {FILL_IN}: no message of two words or more was sent and received")
            self._draft.line("[message]")
            self._draft.keys({"send": "$content"})
            return
        self._draft.table("message", "sure: its text was received", {"send": self._frame(sent["frame"], sent)})

    def _rules(self, sent: Mapping[str, Any]) -> None:
        received = [each for each in self._capture.frames if not each.is_sent]
        self._ping()
        if (
            received
            and self._capture.frames[0] is received[0]
            and received[0].prefix
            and self._capture.frames[1].is_sent
        ):
            greeting, answer = self._capture.frames[:2]
            if self._room is None or not has_value(answer.body, self._room):
                rule = {"starts": (greeting.prefix or "") + greeting.text[len(greeting.prefix) :][:1]}
                self._draft.when(
                    "likely: the first frame, which was answered", rule | {"reply": self._frame(answer, {})}
                )
                received = received[1:]
        if received and (not sent or received[0] is not sent["received"]):
            self._draft.when("likely: the first frame", self._condition(received[0]) | {"means": "connected"})
        if not sent:
            return
        if self._joined is not None and self._joined is not sent["received"]:
            room = next(path for path, value in leaves(self._joined.body) if value == self._room)
            rule = self._condition(self._joined) | {"means": "joined", "room": room}
            self._draft.when("likely: the first frame with the room behind the join", rule)
        delivery = sent["received"]
        rule = self._condition(delivery) | {"means": "delivery"}
        for path, value in leaves(delivery.body):
            if value == sent["value"] and "text" not in rule:
                rule["text"] = path
            elif value == sent.get("room") and value is not None and "room" not in rule:
                rule["room"] = path
            elif value == self._user and value is not None and "sender" not in rule:
                rule["sender"] = path
        self._draft.when("sure: it has the text", rule)
        self._acknowledgement(sent)

    def _acknowledgement(self, sent: Mapping[str, Any]) -> None:
        number = sent.get("number")
        if isinstance(number, _Prefixed):
            size = len(number)
            heads = (
                each.prefix[:-size]
                for each in self._capture.frames[sent["at"] :]
                if not each.is_sent and each.prefix.endswith(number) and not has_value(each.body, sent["value"])
            )
            pattern = re.escape(next(heads, "")) + r"(?P<number>\d+)(?P<json>.*)"
            self._draft.when("likely: it begins with the number", {"matches": pattern, "means": "confirmed"})
            return
        if number is None:
            self._draft.note(f"# {FILL_IN}: no acknowledgement was seen: without one the sender needs its echo")
            return
        for frame in self._capture.frames[sent["at"] :]:
            if frame.is_sent or has_value(frame.body, sent["value"]):
                continue
            path = next((path for path, value in leaves(frame.body) if value == number), None)
            if path is not None:
                self._draft.when(
                    "likely: it has the number", self._condition(frame) | {"means": "confirmed", "number": path}
                )
                return

    def _ping(self) -> None:
        """A frame that came several times, and was answered each time with the same, or with its own number."""
        frames = self._capture.frames
        pairs = [(ping, pong) for ping, pong in pairwise(frames) if not ping.is_sent and pong.is_sent]
        short = [(ping, pong) for ping, pong in pairs if len(ping.text) < MAX_PING]
        for ping, pong in short:
            if sum((a.text, b.text) == (ping.text, pong.text) for a, b in short) > 1:
                self._draft.when("sure: it came several times, and was answered", {"is": ping.text, "reply": pong.text})
                return
        for ping, pong in short:
            condition, reply = self._condition(ping), answer_to(ping, pong)
            alike = sum((self._condition(a), answer_to(a, b)) == (condition, reply) for a, b in short)
            if alike > 1 and "$(" in reply:
                self._draft.when("sure: its kind came several times, and was answered", condition | {"reply": reply})
                return

    # -- what is written ---------------------------------------------------------------------------------------------

    def _condition(self, frame: Said) -> dict[str, Any]:
        """What tells the kind of a frame: its members that say so, or how it starts."""
        kinds = self._kinds(frame.body)
        if kinds:
            return {"where": kinds} | ({"json_from": len(frame.prefix)} if frame.prefix else {})
        if frame.prefix:
            return {"starts": frame.prefix}
        if isinstance(frame.body, dict) and frame.body:
            return {"has": next(iter(frame.body))}
        return {"starts": frame.prefix or frame.text[:4]}

    def _kinds(self, body: Any) -> dict[str, Any]:
        """The members of a frame that say what it is: short texts that look like names."""
        if isinstance(body, list):
            place = next((place for place in (0, 3) if len(body) > place and is_name(body[place])), None)
            return {} if place is None else {str(place): body[place]}
        members = body.items() if isinstance(body, dict) else ()
        return {key: value for key, value in members if key in KINDS and is_name(value) and value != self._room}

    def _frame(self, frame: Said, sent: Mapping[str, Any]) -> str:
        """A frame as a template."""
        text = frame.text.replace("$", "$$")
        if "value" in sent:
            for written in (json.dumps(sent["value"], ensure_ascii=False), json.dumps(sent["value"])):
                text = text.replace(written, "$content.json", 1)
        number = sent.get("number")
        if isinstance(number, _Prefixed):
            prefix = frame.prefix.replace("$", "$$")
            text = prefix[: -len(number)] + "$number" + text[len(prefix) :]
        elif number is not None:
            quoted = json.dumps(number, ensure_ascii=False)
            text = text.replace(quoted, '"$number"' if isinstance(number, str) else "$number", 1)
        if self._room is not None:
            text = text.replace(json.dumps(self._room), "$room.json")
        text = EMAIL.sub("$email.json", text)
        return self._templated(text, "")

    def _templated(self, text: str, form: str) -> str:
        for secret, name in self._secrets.items():
            text = text.replace(secret, f"${name}{form}")
        if form:
            for secret, name in self._secrets.items():
                text = text.replace(quote(secret, safe=""), f"${name}{form}")
        return text

    def _with_room(self, path: str) -> str:
        return "/".join("$room" if step == str(self._room) else step for step in path.split("/"))

    def _hidden(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a body, with what is ours as a variable."""
        names = {json.dumps(self._room): "$room", json.dumps(self._user): "$user"}

        def named(item: Any) -> Any:
            if isinstance(item, list):
                return [named(each) for each in item]
            return names.get(json.dumps(item), item) if item is not None else ""

        return {key: named(item) for key, item in value.items() if not isinstance(item, dict)}


def learn(values: Any) -> str:
    """A proposal for a contract, from a HAR as JSON. Raises ConfigError."""
    return Learner(read_capture(values)).propose()
