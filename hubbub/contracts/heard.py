"""Which of a capture's frames are the chat: what was said and received, where, in which room, by which number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hubbub.contracts.capture import Capture, Exchange, Said, has_value, is_name, is_same, last_of, leaves, may_name

KINDS = ("type", "event", "op", "cmd", "action", "kind", "msg", "method", "t")
MIN_WORDS = 2


class Prefixed(str):
    """A number that stands before a frame's JSON."""


@dataclass(frozen=True)
class Number:
    """What a frame is acknowledged by, and where in it that stands; `path` is empty for what stands before its JSON."""

    path: str
    value: Any


@dataclass
class Message:
    """A text that was said in `frame` at a place of the link, or by `call`; `received` brought it, or another's text.

    `has_echo`: its own sender got it. `room` is None where no name of one was found.
    """

    text: str
    received: Said
    received_path: str
    has_echo: bool
    frame: Said | None = None
    at: int = 0
    path: str = ""
    call: Exchange | None = None
    room: Any = None
    room_name: str = ""
    number: Number | None = None

    def has_room(self, body: Any) -> bool:
        """Whether a body names the room; a number is one only where it is called as it is in the message."""
        return any(self.is_room(path, value) for path, value in leaves(body))

    def is_room(self, path: str, value: Any) -> bool:
        """Whether what stands at a path is the room."""
        if self.room is None or not is_same(value, self.room):
            return False
        return isinstance(value, str) or last_of(path) == self.room_name


def find_message(capture: Capture) -> Message | None:
    """A text of words that was said and received; of the kind of frame in which that happened most often."""
    own = _first_with(each for each in capture.frames if not each.is_sent)
    others = _first_with(each for link in capture.links[1:] for each in link.frames if not each.is_sent)
    hits = [
        (at, frame, path, value)
        for at, frame in enumerate(capture.frames)
        if frame.is_sent
        for path, value in worded(frame.body)
        if value in own or value in others
    ]
    if not hits:
        return _said_over_http(capture, own) or _without_echo(capture)
    often = Counter((str(kinds(frame.body)), path) for _, frame, path, _ in hits)
    at, frame, path, text = max(hits, key=lambda hit: (often[str(kinds(hit[1].body)), hit[2]], -hit[0]))
    has_echo = text in own
    received = _delivery_of(capture, text) if has_echo else others[text]
    message = Message(text, received, path_of(received.body, text), has_echo, frame, at, path)
    return _with_names(capture, message)


def _without_echo(capture: Capture) -> Message | None:
    """Nothing that was sent came back: the texts of others are deliveries."""
    sent = {value for each in capture.frames if each.is_sent for _, value in worded(each.body)}
    said = [
        (at, frame, path, value)
        for at, frame in enumerate(capture.frames)
        if frame.is_sent
        for path, value in worded(frame.body)
    ]
    heard = [
        (frame, path)
        for frame in capture.frames
        if not frame.is_sent
        for path, value in worded(frame.body)
        if value not in sent
    ]
    if not said or not heard:
        return None
    at, frame, path, text = said[-1]
    received, received_path = heard[-1]
    return _with_names(capture, Message(text, received, received_path, False, frame, at, path))


def _said_over_http(capture: Capture, own: dict[str, Said]) -> Message | None:
    for call in capture.calls:
        for path, text in worded(call.body):
            if text in own and call.method != "GET":
                received = own[text]
                message = Message(text, received, path_of(received.body, text), True, call=call, path=path)
                steps = call.path.partition("?")[0].split("/")
                for place, value in leaves(received.body):
                    if may_name(value) and (str(value) in steps or has_value(call.body, value)) and value != text:
                        message.room, message.room_name = value, last_of(place)
                        break
                return message
    return None


def worded(body: Any) -> Iterator[tuple[str, str]]:
    """The texts of a body that have several words."""
    for path, value in leaves(body):
        if isinstance(value, str) and len(value.split()) >= MIN_WORDS:
            yield path, value


def _first_with(frames: Iterable[Said]) -> dict[str, Said]:
    """Each text of words, and the first frame that has it."""
    found: dict[str, Said] = {}
    for frame in frames:
        for _, value in worded(frame.body):
            found.setdefault(value, frame)
    return found


def _delivery_of(capture: Capture, text: str) -> Said:
    """The received frame with a text; where several have it, of the kind that brings the texts of others, too."""
    received = [each for each in capture.frames if not each.is_sent]
    sent = {value for each in capture.frames if each.is_sent for _, value in worded(each.body)}
    foreign = {str(kinds(each.body)) for each in received if any(value not in sent for _, value in worded(each.body))}
    having = [each for each in received if has_value(each.body, text)]
    return next((each for each in having if str(kinds(each.body)) in foreign), having[0])


def path_of(body: Any, wanted: Any) -> str:
    """Where a value stands."""
    return next((path for path, value in leaves(body) if is_same(value, wanted)), "")


def _with_names(capture: Capture, message: Message) -> Message:
    """The room is what both frames name; the number stands in a later frame, and in none before."""
    assert message.frame is not None
    known = set(kinds(message.frame.body).values())
    for path, value in leaves(message.frame.body):
        is_other = path != message.path and may_name(value) and value not in known
        if is_other and has_value(message.received.body, value):
            message.room, message.room_name = value, last_of(path)
            break
    message.number = number_of(capture.frames, message.at, {message.room, message.text, *known})
    return message


def number_of(frames: list[Said], at: int, others: set[Any]) -> Number | None:
    """What a later frame has of a sent one, besides others: what it is acknowledged by. None for nothing.

    It was not there before, and the next frame of its kind has another one.
    """
    frame = frames[at]
    later = [each for each in frames[at:] if not each.is_sent]
    alike = [each for each in frames if each.is_sent and each is not frame and kinds(each.body) == kinds(frame.body)]
    for path, value in leaves(frame.body):
        is_new = may_name(value) and value not in others
        if not is_new or (isinstance(value, str) and any(has_value(each.body, value) for each in frames[:at])):
            continue
        if any(is_same(dict(leaves(each.body)).get(path), value) for each in alike):
            continue
        if any(has_value(each.body, value) for each in later):
            return Number(path, value)
    digits = re.search(r"\d+$", frame.prefix)
    for size in range(len(digits[0]) if digits else 0, 0, -1):
        tail, head = frame.prefix[-size:], frame.prefix[:-size]
        if any(each.prefix.endswith(tail) and each.prefix[:-size] not in ("", head) for each in later):
            return Number("", Prefixed(tail))
    return None


def kinds(body: Any) -> dict[str, Any]:
    """The members of a frame that say what it is: short texts that look like names, also one level further in."""
    if isinstance(body, list):
        place = next((place for place in (0, 3) if len(body) > place and is_name(body[place])), None)
        return {} if place is None else {str(place): body[place]}
    found: dict[str, Any] = {}
    for key, value in body.items() if isinstance(body, dict) else ():
        if key in KINDS and is_name(value):
            found[key] = value
        elif isinstance(value, dict):
            inner = ((name, value.get(name)) for name in ("kind", "type", "event"))
            found |= {f"{key}.{name}": each for name, each in inner if is_name(each) and "." in str(each)}
    return found
