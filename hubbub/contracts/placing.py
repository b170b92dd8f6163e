"""What a capture says once, as templates for every account and room: variables stand where its values stood."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from hubbub.contracts.capture import PASSWORDS, Said, is_same, last_of, leaves
from hubbub.contracts.draft import template_of
from hubbub.contracts.heard import Message, Number, Prefixed, kinds

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Places:
    """`said` is the message, `secrets` are values that stand for variables, `user` the account's id."""

    def __init__(self, said: Message | None) -> None:
        self.said = said
        self.secrets: dict[str, str] = {}
        self.user: Any = None

    def condition(self, frame: Said) -> dict[str, Any]:
        """What tells the kind of a frame: its members that say so, or how it starts."""
        found = {key: value for key, value in kinds(frame.body).items() if self.said is None or value != self.said.room}
        if found:
            return {"where": found} | ({"json_from": len(frame.prefix)} if frame.prefix else {})
        if frame.prefix:
            return {"starts": frame.prefix}
        if isinstance(frame.body, dict) and frame.body:
            return {"has": next(iter(frame.body))}
        return {"starts": frame.text[:4]}

    def frame(self, frame: Said, number: Number | None = None) -> str:
        """A frame as a template."""
        if frame.body is None:
            return self.with_secrets(frame.text.replace("$", "$$"))
        said = self.said
        places: dict[str, str] = {}
        for path, value in leaves(frame.body):
            if said is not None and isinstance(value, str) and value == said.text:
                places[path] = "$content.json"
            elif number is not None and path == number.path and is_same(value, number.value):
                places[path] = '"$number"' if isinstance(value, str) else "$number"
            elif said is not None and said.is_room(path, value):
                places[path] = "$room.json"
            elif isinstance(value, str) and any(word in last_of(path).lower() for word in PASSWORDS):
                places[path] = "$password.json"
            elif isinstance(value, str) and EMAIL.fullmatch(value):
                places[path] = "$email.json"
            elif isinstance(value, str) and any(secret in value for secret in self.secrets):
                places[path] = json.dumps(self.with_secrets(value.replace("$", "$$")), ensure_ascii=False)
        prefix = frame.prefix.replace("$", "$$")
        if number is not None and isinstance(number.value, Prefixed):
            prefix = prefix[: -len(number.value)] + "$number"
        return prefix + template_of(frame.body, places)

    def with_secrets(self, text: str, form: str = "") -> str:
        for secret, name in self.secrets.items():
            text = text.replace(secret, f"${name}{form}")
            text = text.replace(quote(secret, safe=""), f"${name}{form}") if form else text
        return text

    def with_room(self, path: str) -> str:
        room = str(self.said.room) if self.said is not None else ""
        return "/".join("$room" if step in (room, quote(room, safe="")) else step for step in path.split("/"))

    def named(self, value: Any, name: str = "") -> Any:
        """A body with what is the account's, the room's and the message's as variables."""
        if isinstance(value, dict):
            return {key: self.named(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.named(item, name) for item in value]
        known = [(self.user, "$user")]
        if self.said is not None:
            known += [(self.said.room, "$room"), (self.said.text, "$content")]
        variable = next((each for wanted, each in known if wanted is not None and is_same(value, wanted)), None)
        if variable is not None or not isinstance(value, str):
            return value if variable is None else variable
        is_title = re.search(r"name|title|topic", name.lower()) is not None
        return "$name" if is_title else self.with_secrets(value.replace("$", "$$"))


def answer_to(ping: Said, pong: Said) -> str:
    """What was answered, with what it repeats of the question as its place there."""
    asked = [
        (path, value) for path, value in leaves(ping.body) if isinstance(value, int) and not isinstance(value, bool)
    ]
    places = {}
    for path, value in leaves(pong.body):
        place = next((place for place, each in asked if is_same(each, value)), None)
        if place is not None:
            places[path] = f"$({place})"
    if pong.body is None:
        return pong.text.replace("$", "$$")
    return pong.prefix.replace("$", "$$") + template_of(pong.body, places)
