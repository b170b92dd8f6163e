"""A chat backend as a team writes its own, whose contract is TOML alone.

POST /api/register   JSON {email, name, password}        -> 201 {id}
POST /api/login      form username=<email>&password=...  -> 200 {access_token, profile: {id}}      (JWT, 15 minutes)
POST /api/rooms      JSON {title}, Bearer                -> 201 {id}; who makes a room is a member
POST /api/rooms/<id>/join, Bearer                        -> 204
GET  /api/rooms/<id>/messages?limit=&offset=, Bearer     -> 200 {items: [{id, text, by}]}, newest first
GET  /counts                                             -> what it took and sent

WebSocket /ws with Authorization: Bearer on the upgrade, or ?access_token=. Ids are UUIDs.
Frames are {event, room, data, id}:

<- {"event":"ready"}                                     <- {"event":"ping","n":1} each second: answer
-> {"event":"join","room":R,"id":I}                         {"event":"pong","n":1}, or it closes with 4008
<- {"event":"ack","id":I}
-> {"event":"say","room":R,"data":{"text":"hi"},"id":I}  <- {"event":"ack","id":I}, or
<- {"event":"said","room":R,"data":{"text":"hi","by":U}}    {"event":"error","id":I,"data":{"reason":"..."}}
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http
import json
import sys
import uuid
from collections import defaultdict
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

KEY = b"a key that only this server has"
PING_S = 1.0


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Chat:
    def __init__(self):
        self.users, self.members, self.stored, self.links = {}, defaultdict(set), defaultdict(list), defaultdict(set)
        self.counts = dict.fromkeys(("messages", "deliveries", "pongs", "connections"), 0)

    # -- tokens ------------------------------------------------------------------------------------------------------

    def token_of(self, user):
        head = f"{encoded(b'{}')}.{encoded(json.dumps({'sub': user}).encode())}"
        return f"{head}.{encoded(hmac.digest(KEY, head.encode(), hashlib.sha256))}"

    def user_of(self, headers):
        token = headers.get("authorization", "").removeprefix("Bearer ")
        head, _, _ = token.rpartition(".")
        body = head.rpartition(".")[2]
        if not body:
            return None
        user = json.loads(base64.urlsafe_b64decode(body + "=="))["sub"]
        return user if hmac.compare_digest(token, self.token_of(user)) else None

    # -- HTTP --------------------------------------------------------------------------------------------------------

    def call(self, method, path, headers, body):  # noqa: PLR0911 - one for each route
        parts = urlsplit(path)
        steps = parts.path.strip("/").split("/")
        if parts.path == "/counts":
            return 200, self.counts
        if parts.path == "/api/register":
            given = json.loads(body)
            user = str(uuid.uuid4())
            self.users[given["email"]] = user, given["password"]
            return 201, {"id": user}
        if parts.path == "/api/login":
            given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            user, password = self.users.get(given.get("username", ""), ("", None))
            if password is None or password != given.get("password"):
                return 401, {"error": "wrong user or password"}
            return 200, {"access_token": self.token_of(user), "profile": {"id": user}}
        user = self.user_of(headers)
        if user is None:
            return 401, {"error": "no token"}
        if parts.path == "/api/rooms" and method == "POST":
            room = str(uuid.uuid4())
            self.members[room].add(user)
            return 201, {"id": room}
        if len(steps) == 4 and steps[1] == "rooms" and steps[3] == "join":
            self.members[steps[2]].add(user)
            return 204, None
        if len(steps) == 4 and steps[1] == "rooms" and steps[3] == "messages":
            query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
            return 200, {"items": self.stored[steps[2]][::-1][query["offset"] :][: query["limit"]]}
        return 404, {"error": "nothing here"}

    # -- WebSocket ---------------------------------------------------------------------------------------------------

    async def live(self, link, user):
        self.counts["connections"] += 1
        await link.send(json.dumps({"event": "ready"}))
        pings = asyncio.create_task(self.ping(link))
        rooms = set()
        try:
            async for text in link:
                frame = json.loads(text)
                if frame["event"] == "pong":
                    link.answered = frame["n"]
                    self.counts["pongs"] += 1
                    continue
                if frame["event"] not in ("join", "say"):
                    continue
                room = frame["room"]
                if user not in self.members[room]:
                    answer = {"event": "error", "id": frame["id"], "data": {"reason": "not a member"}}
                elif frame["event"] == "join":
                    rooms.add(room)
                    self.links[room].add(link)
                    answer = {"event": "ack", "id": frame["id"]}
                else:
                    await self.say(room, user, frame["data"]["text"])
                    answer = {"event": "ack", "id": frame["id"]}
                await link.send(json.dumps(answer))
        except ConnectionClosed:
            pass
        finally:
            pings.cancel()
            for room in rooms:
                self.links[room].discard(link)

    async def say(self, room, user, text):
        self.counts["messages"] += 1
        self.stored[room].append({"id": str(uuid.uuid4()), "text": text, "by": user})
        frame = json.dumps({"event": "said", "room": room, "data": {"text": text, "by": user}})
        for link in list(self.links[room]):
            self.counts["deliveries"] += 1
            try:
                await link.send(frame)
            except ConnectionClosed:
                self.links[room].discard(link)

    async def ping(self, link):
        link.answered, number = 0, 0
        while True:
            await asyncio.sleep(PING_S)
            if number - link.answered >= 2:
                await link.close(4008, "no pong")
                return
            number += 1
            await link.send(json.dumps({"event": "ping", "n": number}))


async def main(port):
    chat = Chat()

    async def take(reader, writer):
        """HTTP/1.1 by hand, as far as it is needed; the upgrade goes to the WebSocket's own port."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *rest = head.split("\r\n")
                method, path, _ = line.split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
                if headers.get("upgrade", "").lower() == "websocket":
                    await relay(reader, writer, head.encode("latin-1"))
                    return
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, answer = chat.call(method, path, headers, body)
                data = b"" if answer is None else json.dumps(answer).encode()
                phrase = http.HTTPStatus(status).phrase
                writer.write(f"HTTP/1.1 {status} {phrase}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def relay(reader, writer, head):
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner_port)
        inner_writer.write(head)

        async def copy(source, target):
            try:
                while data := await source.read(65536):
                    target.write(data)
                    await target.drain()
            except ConnectionError:
                pass
            finally:
                target.close()

        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    def check(link, request):
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        given = parse_qs(urlsplit(request.path).query).get("access_token")  # a browser sends no header of its own
        link.user = chat.user_of(headers | ({"authorization": f"Bearer {given[0]}"} if given else {}))
        return None if link.user else link.respond(http.HTTPStatus.UNAUTHORIZED, "no token\n")

    async with serve(lambda link: chat.live(link, link.user), "127.0.0.1", 0, process_request=check) as inner:
        inner_port = next(iter(inner.sockets)).getsockname()[1]
        server = await asyncio.start_server(take, "127.0.0.1", port)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
