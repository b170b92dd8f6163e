"""The WebSocket side: connections, subscriptions and the fan-out.

A message is made into one frame of bytes, and that frame is written to each connection's transport, so that a delivery
costs little more than its system call. A connection whose socket is full keeps up to 256 frames; what comes then is
dropped, and the connection is told so if the telling fits.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
from collections import deque
from collections.abc import Iterable
from typing import Any

FLUSH_INTERVAL_S = 0.005


def encode(frame: dict[str, Any]) -> bytes:
    """A whole WebSocket frame (RFC 6455, 5.2: final, text, unmasked) with a JSON object in it."""
    payload = json.dumps(frame, separators=(",", ":"), ensure_ascii=False).encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x81, 126, size) + payload
    return struct.pack("!BBQ", 0x81, 127, size) + payload


DROPPED = encode({"type": "messages_dropped", "payload": {"reason": "buffer_full"}})


class Connection:
    """One WebSocket of a user, with its outbound buffer.

    `joined` says when it joined which conversation. `is_stalled` and `delayed` are for faults: nothing is written for a
    while, or frames not before a time of the event loop's clock.
    """

    __slots__ = ("buffer", "delayed", "hub", "id", "is_stalled", "joined", "transport", "user_id", "username")

    def __init__(self, hub: Hub, transport: asyncio.WriteTransport, user_id: int, username: str) -> None:
        self.hub = hub
        self.transport = transport
        self.user_id = user_id
        self.username = username
        self.id = next(hub.numbers)
        self.buffer: deque[bytes] = deque()
        self.joined: dict[int, float] = {}
        self.is_stalled = False
        self.delayed: deque[tuple[float, bytes]] = deque()

    def write(self, frame: bytes) -> None:
        """Write now if the socket has room, else keep the frame; drop it when the buffer is full.

        A connection that is on its way out gets nothing more.
        """
        hub, transport = self.hub, self.transport
        if transport.is_closing():
            return
        hub.frames_queued += 1
        if not self.buffer and not self.is_stalled and not transport.get_write_buffer_size():
            transport.write(frame)
            hub.frames_written += 1
        elif len(self.buffer) < hub.buffer_frames:
            self.buffer.append(frame)
            hub.is_waiting(self)
        else:
            hub.frames_dropped += 1
            if self.buffer[-1] is not DROPPED:
                self.buffer.append(DROPPED)

    def stall(self, seconds: float) -> None:
        """Write nothing for a while."""
        self.is_stalled = True
        asyncio.get_running_loop().call_later(seconds, setattr, self, "is_stalled", False)

    def flush(self) -> bool:
        """Write kept frames while the socket has room; True when none is left."""
        if self.transport.is_closing():
            self.buffer.clear()
        while self.buffer and not self.is_stalled and not self.transport.get_write_buffer_size():
            frame = self.buffer.popleft()
            self.transport.write(frame)
            self.hub.frames_written += frame is not DROPPED
        return not self.buffer


class Hub:
    """All connections, who is subscribed to what, and exact counts of what was taken and written."""

    def __init__(self, per_user: int, in_all: int, buffer_frames: int = 256) -> None:
        self.per_user = per_user
        self.in_all = in_all
        self.buffer_frames = buffer_frames
        self.numbers = itertools.count(1)
        self.connections: dict[int, set[Connection]] = {}
        self.subscribers: dict[int, set[int]] = {}
        self.messages_taken = 0
        self.deliveries_queued = 0
        self.frames_queued = 0
        self.frames_written = 0
        self.frames_dropped = 0
        self._waiting: set[Connection] = set()
        self._count = 0
        self._flusher: asyncio.TimerHandle | None = None

    @property
    def connection_count(self) -> int:
        return self._count

    def has_room(self, user_id: int) -> bool:
        """Whether the user may open one more connection."""
        return len(self.connections.get(user_id, ())) < self.per_user and self._count < self.in_all

    def add(self, connection: Connection) -> bool:
        """A new connection; True when it is its user's first."""
        mine = self.connections.setdefault(connection.user_id, set())
        mine.add(connection)
        self._count += 1
        return len(mine) == 1

    def remove(self, connection: Connection) -> bool:
        """A connection ended; True when it was its user's last, whose subscriptions end with it."""
        mine = self.connections.get(connection.user_id, set())
        if connection not in mine:
            return False
        mine.discard(connection)
        self._count -= 1
        self._waiting.discard(connection)
        if mine:
            return False
        del self.connections[connection.user_id]
        for subscribers in self.subscribers.values():
            subscribers.discard(connection.user_id)
        return True

    def subscribe(self, conversation_id: int, user_id: int) -> bool:
        """Subscribe an account, with all its connections; True when it was not subscribed."""
        subscribers = self.subscribers.setdefault(conversation_id, set())
        is_new = user_id not in subscribers
        subscribers.add(user_id)
        return is_new

    def unsubscribe(self, conversation_id: int, user_id: int) -> None:
        self.subscribers.get(conversation_id, set()).discard(user_id)

    def to_conversation(self, conversation_id: int, frame: bytes) -> int:
        """Give a frame to all connections of all subscribed accounts; returns to how many."""
        count = 0
        connections = self.connections
        for user_id in self.subscribers.get(conversation_id, ()):
            for connection in connections.get(user_id, ()):
                connection.write(frame)
                count += 1
        return count

    def receivers(self, conversation_id: int) -> list[Connection]:
        """All connections of all accounts subscribed to a conversation."""
        subscribers = self.subscribers.get(conversation_id, ())
        return [connection for user_id in subscribers for connection in self.connections.get(user_id, ())]

    def to_all(self, frame: bytes) -> None:
        for connection in self.all():
            connection.write(frame)

    def all(self) -> Iterable[Connection]:
        return [connection for mine in self.connections.values() for connection in mine]

    def is_waiting(self, connection: Connection) -> None:
        """A connection keeps frames: look at it again soon."""
        self._waiting.add(connection)
        if self._flusher is None:
            self._flusher = asyncio.get_running_loop().call_later(FLUSH_INTERVAL_S, self._flush)

    def _flush(self) -> None:
        self._waiting = {connection for connection in self._waiting if not connection.flush()}
        self._flusher = None
        if self._waiting:
            self._flusher = asyncio.get_running_loop().call_later(FLUSH_INTERVAL_S, self._flush)
