"""A backend of the default contract and the network to it, in memory. Its faults are exact.

A fault is a function of a message's number, from 1, in the order in which the backend took them; it returns what is
done to that message, or None.
"""

import itertools
import json
import re
from collections import defaultdict
from types import MappingProxyType, SimpleNamespace

from hubbub.errors import Closing, ConnectError, ConnectionClosed
from hubbub.transport.frames import Opcode

DELAY_S = 0.002
LATE_S = 7.0


def server_frame(payload):
    """An unmasked text frame, as a server writes it."""
    size = len(payload)
    length = bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")
    return bytes([0x80 | Opcode.TEXT]) + length + payload


class MemoryConnection:
    """The client's end, which the transport returns; `deliver` is the backend's."""

    def __init__(self, backend, user, handler, on_closed):
        self.backend, self.user, self.handler, self.on_closed = backend, user, handler, on_closed
        self.joined = set()
        self.is_open = True
        self.is_paused = False
        self.waiting = []

    def send(self, text):
        if not self.is_open:
            raise ConnectionClosed("the connection is closed")
        self.backend.scheduler.call_later(self.backend.delay_s, lambda: self.backend.take(self, json.loads(text)))
        return True

    send_soon = send

    def deliver(self, payload, delay_s=None):
        def arrive():
            if self.is_paused:
                self.waiting.append(arrive)
            elif self.is_open:
                now_us, frame = self.backend.scheduler.now_us(), server_frame(payload)
                if not self.handler.take_known(bytearray(frame), 0, len(frame), now_us, now_us, now_us):
                    self.handler.on_message(payload, now_us, now_us, frame)

        self.backend.scheduler.call_later(self.backend.delay_s if delay_s is None else delay_s, arrive)

    def pause_reading(self):
        self.is_paused = True

    def resume_reading(self):
        self.is_paused = False
        waiting, self.waiting = self.waiting, []
        for arrive in waiting:
            arrive()

    def has_unread(self):
        return bool(self.waiting)

    def close(self, code=1000):
        self.end(code, "closed by us")

    def end(self, code, reason):
        if self.is_open:
            self.is_open = False
            self.backend.connections.discard(self)
            self.on_closed(Closing(code, reason), self.backend.scheduler.now_us())


class MemoryBackend:
    """Takes HTTP calls and connections. `refuse` has the status that calls to a path are refused with."""

    def __init__(self, scheduler, fault=lambda number: None, delay_s=DELAY_S):
        self.scheduler = scheduler
        self.fault = fault
        self.delay_s = delay_s
        self.delivery_type = "message"
        self.refuse = {}
        self.is_up = True
        self.keeps_subscriptions = False
        self.typing_fault = lambda is_typing: is_typing
        self.users = {}
        self.tokens = {}
        self.tickets = {}
        self.members = defaultdict(set)
        self.stored = defaultdict(list)
        self.connections = set()
        self.calls = []
        self.taken = 0
        self._ids = itertools.count(1)

    # -- HTTP --------------------------------------------------------------------------------------------------------

    def request(self, method, path, headers, body, began=lambda: None):
        began()
        if not self.is_up:
            raise ConnectError("ConnectionRefusedError")
        self.calls.append((method, path))
        for part, status in self.refuse.items():
            if part in path:
                return status, b'{"error":"refused"}'
        token = headers.get("Authorization", "")[7:]
        if method == "DELETE":
            status, answer = self._end_membership(int(path.rpartition("/")[2]), self.tokens[token])
        elif method == "POST" and path.endswith("/messages"):
            status, answer = self._post(int(path.split("/")[-2]), json.loads(body)["content"], self.tokens.get(token))
        else:
            status, answer = self._answer(path, json.loads(body) if body else None, token)
        return status, json.dumps(answer).encode()

    def _answer(self, path, data, token):  # noqa: PLR0911 - one for each call
        user = self.tokens.get(token)
        if path == "/health/ready":
            return 200, {}
        if path.endswith("/signup"):
            self.users[data["email"]] = user = next(self._ids)
            return 201, self._identity(user)
        if path.endswith("/login"):
            known = self.users.get(data["email"])
            return (200, self._identity(known)) if known else (401, {})
        if path.endswith("/conversations/"):
            conversation = next(self._ids)
            self.members[conversation] |= set(data["participant_ids"])
            return 201, {"id": conversation}
        if path.endswith("/join"):
            self.members[int(re.search(r"/(\d+)/join", path)[1])].add(user)
            return 200, {}
        if path.endswith("/ws/ticket"):
            ticket = f"ticket{next(self._ids)}"
            self.tickets[ticket] = user
            return 200, {"ticket": ticket}
        found = re.search(r"/conversations/(\d+)/messages\?limit=(\d+)&offset=(\d+)", path)
        conversation, limit, offset = map(int, found.groups())
        return 200, self.stored[conversation][::-1][offset : offset + limit]

    def _end_membership(self, conversation, user):
        self.members[conversation].discard(user)
        for each in self.connections:
            if each.user == user and not self.keeps_subscriptions:
                each.joined.discard(conversation)
        return 200, {}

    def _post(self, conversation, content, user):
        """A message over HTTP: to every connection as the delivery, and as room_message."""
        self.taken += 1
        fault = self.fault(self.taken)
        if fault in ("refuse", "throttle"):
            return (400, {"error": "no"}) if fault == "refuse" else (429, {"error": "too fast"})
        if fault == "cut":
            raise ConnectError("no whole answer in time")
        stored = {"id": next(self._ids), "content": content}
        if fault != "swallow":
            self._store(stored, conversation, user, fault)
        return 201, stored

    def _store(self, stored, conversation, user, fault):
        self.stored[conversation].append(stored)
        frame = {"conversation_id": conversation, "user_id": user, "payload": stored}
        for kind in ("message", "room_message"):
            payload = json.dumps({"type": kind} | frame, separators=(",", ":")).encode()
            for each in sorted(self.connections, key=lambda each: each.user):
                if conversation in each.joined and fault != "not delivered":
                    each.deliver(payload)

    def _identity(self, user):
        token = f"token{next(self._ids)}"
        self.tokens[token] = user
        return {"token": token, "user": {"id": user}}

    # -- WebSocket ---------------------------------------------------------------------------------------------------

    def connect(self, url, handler, on_closed, headers=MappingProxyType({})):
        user = self.tickets.pop(url.partition("ticket=")[2], None)
        if user is None or not self.is_up:
            raise ConnectError("HTTP 401", 401)
        connection = MemoryConnection(self, user, handler, on_closed)
        self.connections.add(connection)
        connection.deliver(b'{"type":"connected"}')
        return connection

    def take(self, connection, frame):
        conversation = frame.get("conversation_id")
        if frame["type"] == "join" and connection.user in self.members[conversation]:
            connection.joined.add(conversation)
            connection.deliver(json.dumps({"type": "joined", "conversation_id": conversation}).encode())
        elif frame["type"] == "typing":
            self._tell_typing(connection.user, conversation, frame["is_typing"])
        elif frame["type"] == "leave":
            for each in self.connections:
                if each.user == connection.user:
                    each.joined.discard(conversation)
        elif frame["type"] == "message":
            self.taken += 1
            self._take_message(connection, conversation, frame["content"], self.fault(self.taken))

    def _tell_typing(self, user, conversation, is_typing):
        told = self.typing_fault(is_typing)
        payload = None if told is None else {"user_id": user, "is_typing": told}
        frame = {"type": "typing", "conversation_id": conversation, "user_id": user, "payload": payload}
        for each in self.connections:
            if conversation in each.joined and told != "lost":
                each.deliver(json.dumps(frame).encode())

    def _take_message(self, connection, conversation, content, fault):
        if fault == "refuse":
            connection.deliver(b'{"type":"error","payload":{"message":"no"}}')
            return
        if fault == "throttle":
            connection.deliver(b'{"type":"error","payload":{"message":"Rate limit exceeded"}}')
            return
        if fault == "swallow":
            return
        number = next(self._ids)
        if fault != "not stored":
            self.stored[conversation].append({"id": number, "content": content})
        if fault == "corrupt":
            content = content[:-1] + "?"
        message = {"type": self.delivery_type, "conversation_id": conversation, "user_id": connection.user}
        payload = json.dumps(message | {"payload": {"id": number, "content": content}}, separators=(",", ":")).encode()
        receivers = sorted(self.connections, key=lambda each: each.user)
        receivers = [each for each in receivers if conversation in each.joined]
        if fault == "not delivered":
            return
        if fault == "lose one":
            del receivers[0]
        for each in receivers:
            each.deliver(payload, LATE_S if fault == "late" else None)
        if fault == "duplicate":
            receivers[0].deliver(payload)
        if fault == "drop":
            receivers[0].end(1006, "gone")


class MemoryTransport:
    """See `hubbub.transport.base.Transport`."""

    clock_bound_us = 5
    connected = MappingProxyType({"127.0.0.1:80": 1})

    def __init__(self, backend):
        self.connect = backend.connect
        self.handler_errors = 0
        self.is_closed = False

    def look_up_again(self):
        self.looked_up_again = True

    def look(self):
        pass

    def stamps_are_steady(self):
        return True

    def statistics(self):
        return {"handler_errors": self.handler_errors}

    def close(self):
        self.is_closed = True


class QuietMachine:
    """A machine on which the generator is never late."""

    def read(self):
        return {"cpu": 0, "run_queue": 0, "throttled": 0}


class MemoryWorld:
    """See `hubbub.run.world.World`."""

    def __init__(self, scheduler, backend, clock_domain="this machine"):
        self.scheduler = scheduler
        self.backend = backend
        self.clock_domain = clock_domain
        self.machine = QuietMachine()
        self.transports = []

    def transport(self, _settings, _seed):
        self.transports.append(MemoryTransport(self.backend))
        return self.transports[-1]

    def http(self, settings, poll_s=0.0):
        each = [self.backend.request] * len(settings.origins)
        polls = each if poll_s else []
        return SimpleNamespace(request=self.backend.request, each=each, polls=polls, close=lambda: None)

    def check_addresses(self, _settings):
        pass

    def requests(self, _settings):
        return self.backend.request

    def backend_wait(self, _settings, _domain):
        return None

    def check_room_for(self, _clients, _settings):
        pass
