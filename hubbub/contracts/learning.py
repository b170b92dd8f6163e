"""`hubbub learn`: a contract proposed from what a browser saved of two people chatting (HAR, as Chrome writes it).

Guesses by what comes back: the token is a text of an answer that is sent later, the message is a text that one side
sent and the other received, its acknowledgement a frame that has its number. What is not seen is left to fill in.
"""

from __future__ import annotations

import re
from itertools import pairwise
from statistics import median
from typing import Any
from urllib.parse import unquote, urlsplit

from hubbub.contracts.capture import (
    Exchange,
    Said,
    credentials_in,
    has_value,
    is_same,
    last_of,
    leaves,
    may_name,
    passwords_in,
    read_capture,
)
from hubbub.contracts.draft import Draft, inline
from hubbub.contracts.heard import Message, Prefixed, find_message, kinds, number_of, path_of, worded
from hubbub.contracts.placing import EMAIL, Places, answer_to
from hubbub.contracts.templates import lookup
from hubbub.errors import ConfigError, described

MIN_SECRET = 12
"""A token is longer than a name."""

MIN_PASSWORD = 4
MAX_PING = 100
"""Letters of a frame that only asks whether anyone is there."""

MIN_BEATS = 3
TOKENS = re.compile(r"(?i)(token|jwt|session|(^|_)key$)")
SIGN_UP = re.compile(r"(?i)sign_?-?up|register|accounts?$|users?$")
FILL_IN = "FILL IN"
NEVER_OWN = ("cookie", "sec-websocket-protocol")


class Learner:
    """Makes the proposal. Its comments say what it rests on and what is to be filled in."""

    def __init__(self, values: Any) -> None:
        self._capture = read_capture(values)
        self._draft = Draft()
        self._said: Message | None = find_message(self._capture)
        self._places = Places(self._said)
        self._joined: Said | None = None
        self._has_accounts = self._has_rooms = False
        self._ping = self._ping_rule()

    def propose(self) -> str:
        """The contract as TOML, with how sure each part is as comments. No password of the capture is in it."""
        self._login()
        self._ticket()
        self._rooms()
        self._history()
        self._open()
        self._join()
        self._message()
        self._heartbeat()
        self._rules()
        head = ["# Proposed from a capture: look at every line, and try it with `hubbub try`."]
        if self._said is not None and not self._said.has_echo:
            head += ["echo = false  # likely: what was sent did not come back"]
        if not self._has_accounts and self._has_rooms:
            head += [f'accounts = "given"  # {FILL_IN}: who makes and enters rooms? see accounts in the docs']
        if "[[when]]" not in "\n".join(self._draft.lines):
            self._draft.when(f"{FILL_IN}: nothing was received", {"is": FILL_IN})
        text = "\n".join([*head, *self._draft.lines, ""])
        for password in {each for call in self._capture.calls for each in passwords_in(call)}:
            text = text.replace(password, "$password") if len(password) >= MIN_PASSWORD else text
        return text

    # -- HTTP --------------------------------------------------------------------------------------------------------

    def _login(self) -> None:
        """The calls with something like a password: the last one whose answer has a token is the login, and one before
        it the sign-up."""
        calls = [call for call in self._capture.calls if passwords_in(call)]
        tokens = {at: token for at, call in enumerate(calls) if (token := self._token_of(call)) is not None}
        if not tokens:
            has_cookie = any("cookie" in call.headers for call in self._capture.calls)
            why = "the session is a cookie, which TOML cannot carry" if has_cookie else "no login with a token was seen"
            self._draft.note(f"# {FILL_IN}: {why}; without [login] any account will do")
            return
        for each, place in tokens.items():  # also of the other person, where both are in the capture
            if isinstance(secret := lookup(calls[each].answer, place), str):
                self._places.secrets[secret] = "token"
        at = max(tokens)
        is_alone = at == 0 and SIGN_UP.search(calls[0].path.partition("?")[0]) is not None
        if at or is_alone:
            self._credentials(
                "signup", "likely: a password was sent before the login", calls[0], self._token_of(calls[0])
            )
        if is_alone:
            self._draft.note(f"# {FILL_IN}: no login was seen besides the sign-up; [login] is for --accounts")
        else:
            self._credentials("login", "sure: its answer has a token that is sent later", calls[at], tokens[at])

    def _token_of(self, call: Exchange) -> str | None:
        """Where the answer to a call has something secret: what is sent later, or is called so."""
        texts = [(path, value) for path, value in leaves(call.answer) if isinstance(value, str)]
        sent = next((path for path, value in texts if self._is_sent_later(value)), None)
        return sent or next((path for path, value in texts if TOKENS.search(last_of(path)) and value), None)

    def _is_sent_later(self, value: str) -> bool:
        if len(value) < MIN_SECRET:
            return False
        capture = self._capture
        texts = [capture.url, unquote(capture.url), *capture.upgrade_headers.values()]
        texts += [each.text for each in capture.frames if each.is_sent]
        texts += [header for call in capture.calls for header in call.headers.values()]
        return any(value in text for text in texts)

    def _credentials(self, name: str, how_sure: str, call: Exchange, token: str | None) -> None:
        """A table of a call with credentials, and what its answer gives."""
        self._has_accounts = True
        secret = lookup(call.answer, token) if token is not None else None
        if isinstance(secret, str):
            self._places.secrets[secret] = "token"
        user = next((path for path, _ in leaves(call.answer) if re.search(r"(^|[._])(user_?)?id$", path.lower())), None)
        self._places.user = lookup(call.answer, user) if user else self._places.user
        self._draft.table(name, how_sure, {call.method.lower(): call.path})
        filled = credentials_in(call.body)
        if isinstance(filled, dict):
            self._draft.line(f"{'form' if call.is_form else 'json'} = {inline(filled)}")
        self._draft.keys(({"token": token} if token is not None else {}) | ({"user": user} if user else {}))

    def _ticket(self) -> None:
        url = unquote(self._capture.url)
        for call in self._capture.calls:
            for path, value in leaves(call.answer):
                is_new = isinstance(value, str) and value not in self._places.secrets and len(value) >= MIN_SECRET
                if is_new and value in url and not passwords_in(call):
                    self._places.secrets[value] = "ticket"
                    how_sure = "sure: it stands in the WebSocket's URL"
                    self._draft.table("ticket", how_sure, {call.method.lower(): call.path})
                    self._own_headers(call)
                    self._draft.keys({"ticket": path})
                    return

    def _rooms(self) -> None:
        """How a room is made or entered over HTTP: calls with the room's id in the answer, or in the path."""
        said = self._said
        if said is None or said.room is None:
            return
        made: set[str] = set()
        for call in self._capture.calls:
            if call.method not in ("POST", "PUT", "PATCH") or passwords_in(call) or call is said.call:
                continue
            steps = call.path.partition("?")[0].split("/")
            path = next((path for path, value in leaves(call.answer) if is_same(value, said.room)), None)
            if (
                path is not None
                and str(said.room) not in steps
                and isinstance(call.body, dict)
                and "create" not in made
            ):
                made.add("create")
                how_sure = "likely: its answer has the room of the messages"
                self._call("create", how_sure, call, call.path)
                self._draft.keys({"room": path})
            elif str(said.room) in steps and "message" not in call.path and "member" not in made:
                made.add("member")
                self._call("member", "likely: its path has the room", call, self._places.with_room(call.path))

    def _call(self, name: str, how_sure: str, call: Exchange, path: str) -> None:
        self._has_rooms = True
        self._draft.table(name, how_sure, {call.method.lower(): path})
        self._own_headers(call)
        if isinstance(call.body, dict) and call.body:
            self._draft.line(f"{'form' if call.is_form else 'json'} = {inline(self._places.named(call.body))}")

    def _own_headers(self, call: Exchange) -> None:
        """Headers with something secret, but for the usual one."""
        named = {
            name: self._places.with_secrets(value)
            for name, value in call.headers.items()
            if name != "cookie" and any(secret in value for secret in self._places.secrets)
        }
        if named and named != {"authorization": "Bearer $token"}:
            self._draft.line(f"headers = {inline(named)}")

    def _history(self) -> None:
        """A call whose answer has texts of the chat, one in each part of a list."""
        texts = {text for link in self._capture.links for frame in link.frames for _, text in worded(frame.body)}
        for call in self._capture.calls if self._said is not None and self._said.room is not None else ():
            for path, value in leaves(call.answer) if call.method == "GET" else ():
                found = re.fullmatch(r"(?:(.*)\.)?(\d+)\.(.+)", path)
                if value not in texts or found is None:
                    continue
                items = found[1] or ""
                part = lookup(call.answer, f"{items}.{found[2]}" if items else found[2])
                name = next(
                    (place for place, each in leaves(part) if last_of(place) in ("id", "_id") and may_name(each)), ""
                )
                asked = re.sub(r"([?&]limit=)\d+", r"\1$limit", self._places.with_room(call.path))
                asked = re.sub(r"([?&]offset=)\d+", r"\1$offset", asked)
                self._draft.table("history", "likely: its answer has what was said", {"get": asked})
                self._own_headers(call)
                self._draft.keys({"items": items, "text": found[3]} | ({"id": name} if name else {}))
                return

    # -- WebSocket ---------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        parts = urlsplit(self._capture.url)
        query = re.sub(r"&sid=[^&]*|(?<=\?)sid=[^&]*&?", "", f"?{parts.query}") if parts.query else ""
        self._draft.table("open", "sure", {"path": self._places.with_secrets(parts.path + query, ".url")})
        headers = self._capture.upgrade_headers
        own = {
            name: self._places.with_secrets(value)
            for name, value in headers.items()
            if name not in ("cookie", "sec-websocket-protocol")
            and any(secret in value for secret in self._places.secrets)
        }
        if own:
            self._draft.line(f"headers = {inline(own)}")
        if protocol := headers.get("sec-websocket-protocol"):
            self._draft.keys({"subprotocol": self._places.with_secrets(protocol)})
        first = self._capture.frames[0]
        if first.is_sent:
            self._draft.keys({"send": self._places.frame(first)})
        if not any(not each.is_sent for each in self._capture.frames[:3]):
            self._draft.keys({"accepted": "upgrade"})
        if first.text == "2probe":
            self._draft.note(
                f"# {FILL_IN}: Socket.IO began with polling: capture again with transports: ['websocket'] in the page"
            )

    def _join(self) -> None:
        """The first frame with the room, and what confirms it."""
        said, frames = self._said, self._capture.frames
        if said is None or said.room is None:
            return
        until = said.at if said.frame is not None else len(frames)
        at = next((at for at in range(until) if frames[at].is_sent and said.has_room(frames[at].body)), None)
        if at is None:
            return
        number = number_of(frames, at, {said.room, *kinds(frames[at].body).values()})
        self._draft.table(
            "join", "likely: the first frame with the room", {"send": self._places.frame(frames[at], number)}
        )
        if number is None:
            before = [kinds(each.body) for each in frames[:at] if not each.is_sent]
            answers = (each for each in frames[at:] if not each.is_sent and said.has_room(each.body))
            self._joined = next((each for each in answers if kinds(each.body) not in before), None)

    def _message(self) -> None:
        said = self._said
        if said is None:
            self._draft.note(f"# {FILL_IN}: no message of two words or more was sent and received")
            self._draft.line("[message]")
            self._draft.keys({"send": "$content"})
        elif said.call is not None:
            self._draft.table(
                "post",
                "likely: its text was received",
                {said.call.method.lower(): self._places.with_room(said.call.path)},
            )
            self._own_headers(said.call)
            if isinstance(said.call.body, dict):
                self._draft.line(f"json = {inline(self._places.named(said.call.body))}")
        elif said.frame is not None:
            how_sure = "sure: its text was received" if said.has_echo else "likely: texts of others were received"
            self._draft.table("message", how_sure, {"send": self._places.frame(said.frame, said.number)})

    def _heartbeat(self) -> None:
        """A frame of ours that is no answer, and comes again and again in even steps."""
        said, frames = self._said, self._capture.frames
        answer = re.sub(r"\d+|\$\([^)]*\)", "#", self._ping["reply"]) if self._ping is not None else ""
        beats: dict[str, list[Said]] = {}
        for each in frames:
            is_chat = said is not None and (said.has_room(each.body) or any(worded(each.body)))
            kind = re.sub(r"\d+", "#", each.text)
            if each.is_sent and not is_chat and len(each.text) < MAX_PING and kind != answer:
                beats.setdefault(kind, []).append(each)
        for sent in beats.values():
            gaps = [later.at_s - earlier.at_s for earlier, later in pairwise(sent)]
            if len(sent) >= MIN_BEATS and min(gaps) > 0 and max(gaps) < 2 * median(gaps):
                keys = {"every": f"{median(gaps):.1f}s", "send": self._places.frame(sent[0])}
                self._draft.table("heartbeat", "likely: it was sent again and again", keys)
                return

    def _rules(self) -> None:
        said, frames = self._said, self._capture.frames
        received = [each for each in frames if not each.is_sent]
        if self._ping is not None:
            self._draft.when("sure: it came several times, and was answered each time", self._ping)
        if len(frames) > 1 and received and frames[0] is received[0] and received[0].prefix and frames[1].is_sent:
            greeting, answer = frames[:2]
            if said is None or not said.has_room(answer.body):
                start = greeting.prefix + greeting.text[len(greeting.prefix) :][:1]
                rule = {"starts": start, "reply": self._places.frame(answer)}
                self._draft.when("likely: the first frame, which was answered", rule)
                received = received[1:]
        if received and (said is None or received[0] is not said.received):
            self._draft.when("likely: the first frame", self._places.condition(received[0]) | {"means": "connected"})
        if said is None:
            return
        if self._joined is not None and self._joined is not said.received:
            room = next(path for path, value in leaves(self._joined.body) if said.is_room(path, value))
            rule = self._places.condition(self._joined) | {"means": "joined", "room": room}
            self._draft.when("likely: the first frame with the room behind the join", rule)
        rule = self._places.condition(said.received) | {"means": "delivery", "text": said.received_path}
        for path, value in leaves(said.received.body):
            if said.room is not None and is_same(value, said.room) and "room" not in rule:
                rule["room"] = path
            elif self._is_user(value) and "sender" not in rule:
                rule["sender"] = path
        self._draft.when("sure: it has the text" if said.has_echo else "likely: it has the text of another", rule)
        if said.frame is not None:
            self._acknowledgement(said)

    def _is_user(self, value: Any) -> bool:
        is_known = self._places.user is not None and is_same(value, self._places.user)
        return is_known or (isinstance(value, str) and EMAIL.fullmatch(value) is not None)

    def _acknowledgement(self, said: Message) -> None:
        later = [each for each in self._capture.frames[said.at :] if not each.is_sent and each is not said.received]
        number = said.number
        if number is None:
            self._draft.note(f"# {FILL_IN}: no acknowledgement was seen: without one the sender needs its echo")
        elif isinstance(number.value, Prefixed):
            tail = number.value
            heads = (
                each.prefix[: -len(tail)] for each in later if each.prefix.endswith(tail) and each is not said.received
            )
            pattern = re.escape(next(heads, "")) + r"(?P<number>\d+)(?P<json>.*)"
            self._draft.when("likely: it begins with the number", {"matches": pattern, "means": "confirmed"})
        else:
            frame = next(
                (each for each in later if has_value(each.body, number.value) and each is not said.received), None
            )
            if frame is not None and kinds(frame.body) != kinds(said.received.body):
                rule = self._places.condition(frame) | {
                    "means": "confirmed",
                    "number": path_of(frame.body, number.value),
                }
                self._draft.when("likely: it has the number", rule)

    def _ping_rule(self) -> dict[str, Any] | None:
        """A short frame that came several times, and each time was answered alike; neither is about the chat."""
        said, frames = self._said, self._capture.frames
        pairs = [(ping, pong) for ping, pong in pairwise(frames) if not ping.is_sent]
        short = [(ping, pong) for ping, pong in pairs if len(ping.text) < MAX_PING]

        def is_chat(frame: Said) -> bool:
            return any(worded(frame.body)) or (said is not None and said.has_room(frame.body))

        for ping, pong in short:
            if not pong.is_sent or is_chat(ping) or is_chat(pong):
                continue
            same = [answer for question, answer in short if question.text == ping.text]
            if len(same) > 1 and all(each.is_sent and each.text == pong.text for each in same):
                return {"is": ping.text, "reply": pong.text.replace("$", "$$")}
            condition, reply = self._places.condition(ping), answer_to(ping, pong)
            alike = [(a, b) for a, b in short if self._places.condition(a) == condition]
            is_answered = all(b.is_sent and answer_to(a, b) == reply for a, b in alike)
            if len(alike) > 1 and "$(" in reply and is_answered:
                return condition | {"reply": reply}
        return None


def learn(values: Any) -> str:
    """A proposal for a contract, from a HAR as JSON. Raises ConfigError."""
    try:
        return Learner(values).propose()
    except ConfigError:
        raise
    except Exception as error:  # a capture may hold anything
        raise ConfigError(f"learn: this capture cannot be read ({described(error)}).") from error
