"""What the frames of a connected client do."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from backend.broker import REFUSAL, Broker
from backend.faults import Delivery, Faults
from backend.hub import Connection, Hub, encode
from backend.likeness import OFFLINE_AFTER_S
from backend.limits import RateLimits
from backend.store import Store

MAX_CONTENT = 10_000
TOO_LONG = f"Message must have 1 to {MAX_CONTENT} characters"
RATE_LIMIT_TEXT = "Rate limit exceeded. Please wait a moment."
BOT: dict[str, Any] = {"id": 0, "username": "welcome-bot"}


@dataclass
class Chat:
    """The conversations' behaviour: joins, messages, typing, presence, and a bot that greets."""

    store: Store
    hub: Hub
    limits: RateLimits
    has_presence: bool
    faults: Faults | None = None
    like: frozenset[str] = frozenset()
    broker: Broker = field(default_factory=Broker)

    def arrived(self, connection: Connection) -> None:
        """A connection was accepted: greet it, and tell the others."""
        is_first = self.hub.add(connection)
        if "first-frames" in self.like:
            self._arrive_late(connection, is_first)
            return
        payload = {"user_id": connection.user_id, "username": connection.username}
        connection.write(encode({"type": "connected", "payload": payload}))
        if self.has_presence:
            online = sorted(self.hub.connections)
            connection.write(encode({"type": "connected_users", "payload": {"user_ids": online}}))
            if is_first:
                self._tell_status(connection, "online")

    def _arrive_late(self, connection: Connection, is_first: bool) -> None:
        """The account is subscribed already, and so may hear of others before it is told that it is connected."""
        for conversation in self.store.conversations(connection.user_id, only_joined=True):
            self.hub.subscribe(conversation["id"], connection.user_id)
        others = sorted(user for user in self.hub.connections if user != connection.user_id)
        if is_first and self.has_presence:
            self._tell_status(connection, "online")
        if others and self.has_presence:
            payload: dict[str, Any] = {"user_ids": others}
            connection.write(encode({"type": "connected_users", "conversation_id": 0, "payload": payload}))
        payload = {"user_id": connection.user_id, "username": connection.username}
        connection.write(encode({"type": "connected", "conversation_id": 0, "payload": payload}))

    def left(self, connection: Connection) -> None:
        if self.hub.remove(connection) and self.has_presence:
            if self.like & {"presence", "blind-grace"}:
                asyncio.get_running_loop().call_later(OFFLINE_AFTER_S, self._tell_offline, connection)
            else:
                self._tell_status(connection, "offline")

    def _tell_offline(self, connection: Connection) -> None:
        """An account that came back meanwhile was never offline."""
        if "blind-grace" in self.like or connection.user_id not in self.hub.connections:
            self._tell_status(connection, "offline")

    def _tell_status(self, connection: Connection, status: str) -> None:
        payload = {"user_id": connection.user_id, "username": connection.username, "status": status}
        frame = encode({"type": "user_status", "payload": payload})
        for each in self.hub.all():
            if "presence" not in self.like or each.user_id != connection.user_id:
                each.write(frame)

    def take(self, connection: Connection, text: str) -> None:
        """One text frame of a client; what is not understood gets an `error` frame."""
        try:
            frame = json.loads(text)
            kind, conversation_id = str(frame["type"]), int(frame.get("conversation_id", 0))
        except (ValueError, TypeError, KeyError, AttributeError):
            self.refuse(connection, "Invalid message format", is_told=False)
            return
        handler = {"join": self._join, "leave": self._leave, "typing": self._typing, "read": self._read}.get(kind)
        if kind == "message":
            self._message(connection, conversation_id, frame.get("content"))
        elif handler is not None:
            handler(connection, conversation_id, frame)
        else:
            self.refuse(connection, "Unknown message type", is_told=False)

    def refuse(self, connection: Connection, text: str, is_told: bool = True) -> None:
        """Say why something is not done, unless the real one says nothing."""
        if not is_told and "silence" in self.like:
            return
        connection.write(encode({"type": "error", "payload": {"message": text}}))

    def _join(self, connection: Connection, conversation_id: int, frame: dict[str, Any]) -> None:
        """A join by someone who is not a member has no answer at all."""
        if not self.store.is_member(conversation_id, connection.user_id):
            return
        is_new = self.hub.subscribe(conversation_id, connection.user_id)
        connection.joined[conversation_id] = time.monotonic()
        joined: dict[str, Any] = {"type": "joined", "conversation_id": conversation_id}
        if "joined-payload" in self.like:
            joined["payload"] = {"conversation_id": conversation_id}
        connection.write(encode(joined))
        if is_new and "welcome-bot" not in self.like:
            self._greet(connection.username, conversation_id)
        if self.has_presence and "presence" not in self.like:
            self._tell_presence(conversation_id)

    def joined_over_http(self, conversation_id: int, username: str) -> None:
        """An account has become a member."""
        if "welcome-bot" in self.like:
            self._tell_presence(conversation_id)
            self._greet(username, conversation_id)
            self._tell_presence(conversation_id)

    def _greet(self, username: str, conversation_id: int) -> None:
        """The bot's message is stored, and shown as `room_message` only."""
        stored = self.store.add_message(conversation_id, BOT["id"], f"{username} is here", "system")
        frame = {"type": "room_message", "conversation_id": conversation_id, "user_id": BOT["id"], "payload": stored}
        self.hub.to_conversation(conversation_id, encode(frame))

    def _tell_presence(self, conversation_id: int) -> None:
        participants = self.store.participants(conversation_id)
        if "presence" in self.like:
            participants = [each | _record(each["id"], each["username"]) for each in participants]
        payload = {"participants": participants}
        frame = {"type": "chatroom_presence", "conversation_id": conversation_id, "payload": payload}
        self.hub.to_conversation(conversation_id, encode(frame))

    def _leave(self, connection: Connection, conversation_id: int, frame: dict[str, Any]) -> None:
        self.hub.unsubscribe(conversation_id, connection.user_id)
        for mine in self.hub.connections.get(connection.user_id, ()):
            mine.joined.pop(conversation_id, None)
        if self.has_presence and "presence" not in self.like:
            self._tell_presence(conversation_id)

    def _typing(self, connection: Connection, conversation_id: int, frame: dict[str, Any]) -> None:
        if not self.store.is_member(conversation_id, connection.user_id):
            return
        if not self.limits.allows("typing", connection.user_id):
            return
        payload: Any = {"user_id": connection.user_id, "is_typing": bool(frame.get("is_typing"))}
        if "typing-null" in self.like:
            payload = None
        told = {"type": "typing", "conversation_id": conversation_id, "user_id": connection.user_id, "payload": payload}
        self.hub.to_conversation(conversation_id, encode(told))

    def _read(self, connection: Connection, conversation_id: int, frame: dict[str, Any]) -> None:
        if self.store.is_member(conversation_id, connection.user_id):
            self.store.mark_read(conversation_id, connection.user_id)
            told = {"type": "message_read", "conversation_id": conversation_id, "user_id": connection.user_id}
            self.hub.to_conversation(conversation_id, encode(told))

    def _message(self, connection: Connection, conversation_id: int, content: Any) -> None:
        if not isinstance(content, str) or not 0 < self._length(content) <= MAX_CONTENT:
            self.refuse(connection, TOO_LONG, is_told=bool(content))
        elif not self.store.is_member(conversation_id, connection.user_id):
            self.refuse(connection, "You are not a member of this conversation", is_told=False)
        elif not self.limits.allows("message", connection.user_id):
            self.refuse(connection, RATE_LIMIT_TEXT)
        else:
            self._accept(connection, conversation_id, content)

    def post(
        self, user_id: int, username: str, conversation_id: int, content: str, message_type: str
    ) -> tuple[int, dict[str, Any] | str]:
        """A member's message over HTTP: the status, and the stored message or why there is none.

        It reaches every connection twice, as `message` and as `room_message`.
        """
        if not 0 < self._length(content) <= MAX_CONTENT:
            return 400, TOO_LONG
        if not self.limits.allows("message", user_id):
            return 429, RATE_LIMIT_TEXT
        became = self.broker.takes()
        if became == "refused":
            return 503, REFUSAL
        if became == "stored" or "no-delivery" in self.like:
            return 201, self.store.add_message(conversation_id, user_id, content, message_type)
        stored, room_frame = self.deliver(conversation_id, user_id, username, content, message_type)
        self.hub.to_conversation(conversation_id, room_frame)
        return 201, stored

    def _length(self, content: str) -> int:
        return len(content.encode("utf-8", "surrogatepass")) if "byte-limits" in self.like else len(content)

    def _accept(self, connection: Connection, conversation_id: int, content: str) -> None:
        """A message that breaks no rule: store it and deliver it, unless a fault says otherwise."""
        fault = self.faults.of_message(connection, conversation_id, content) if self.faults is not None else ""
        if fault == "refuse":
            self.refuse(connection, "The message was refused")
        elif fault == "throttle":
            self.refuse(connection, RATE_LIMIT_TEXT)
        elif fault == "swallow":
            return
        elif (became := self.broker.takes()) == "refused":
            self.refuse(connection, REFUSAL)
        elif fault == "undelivered" or became == "stored" or "no-delivery" in self.like:
            self.store.add_message(conversation_id, connection.user_id, content, "text")
        else:
            is_stored = fault != "unstored"
            self.deliver(
                conversation_id, connection.user_id, connection.username, content, "text", connection.id, is_stored
            )

    def deliver(
        self,
        conversation_id: int,
        user_id: int,
        username: str,
        content: str,
        message_type: str,
        sender: int = 0,
        is_stored: bool = True,
    ) -> tuple[dict[str, Any], bytes]:
        """Store a message and bring it to everyone subscribed; returns what was stored and its payload's frame.

        `sender` is the id of the connection that it came on, 0 for none.
        """
        add = self.store.add_message if is_stored else self.store.unstored_message
        stored = add(conversation_id, user_id, content, message_type)
        conversation = self.store.conversation(conversation_id) or {}
        payload = stored | {
            "updated_at": stored["created_at"],
            "is_edited": False,
            "metadata": None,
            "sender": _record(user_id, username, stored["created_at"]),
            "conversation": conversation | {"avatar": "", "last_message_id": stored["id"], "participants": None},
        }
        if "sorted-payload" in self.like:
            payload = dict(sorted(payload.items()))
        frame = {
            "type": "room_message" if "room-message" in self.like else "message",
            "conversation_id": conversation_id,
            "user_id": user_id,
            "username": username,
            "payload": payload,
        }
        encoded = encode(frame)
        self.hub.messages_taken += 1
        delivery = Delivery(encoded, conversation_id, stored["id"], sender, content)
        if "one-queue" in self.like:
            asyncio.get_running_loop().call_soon(self._fan_out, delivery)
        else:
            self._fan_out(delivery)
        return stored, encode(frame | {"type": "room_message"})

    def _fan_out(self, delivery: Delivery) -> None:
        if self.faults is None:
            receivers = self.hub.to_conversation(delivery.conversation_id, delivery.frame)
        else:
            receivers = self.faults.deliver(self.hub, delivery)
        self.hub.deliveries_queued += receivers


def _record(user_id: int, username: str, created_at: str = "") -> dict[str, Any]:
    """A user as the real one shows it inside of other things."""
    return {
        "id": user_id,
        "username": username,
        "email": "",
        "avatar": f"https://cdn.invalid/avatars/{user_id}.png",
        "bio": "",
        "is_admin": False,
        "is_banned": False,
        "created_at": created_at,
        "updated_at": created_at,
    }
