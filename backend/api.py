"""HTTP: accounts, tickets, conversations, history, health and metrics; and the WebSocket's handshake."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from backend.auth import Tickets, Tokens, hash_password, password_fits, signup_problem
from backend.chat import Chat
from backend.hub import Connection, encode
from backend.likeness import HISTORY_CACHE_S, HISTORY_PAGE
from backend.store import Duplicate

PING_INTERVAL_S = 3.0
SILENCE_LIMIT_S = 10.0
CLOSE_WAIT_S = 1.0
MAX_FRAME_BYTES = 16 * 1024
Handler = Any


@dataclass(eq=False)
class Api:
    """The backend's HTTP surface."""

    chat: Chat
    tokens: Tokens
    bcrypt_cost: int

    def __post_init__(self) -> None:
        self.tickets = Tickets()
        self.is_ready = True
        self._sockets: set[web.WebSocketResponse] = set()
        self._pages: dict[int, tuple[float, list[dict[str, Any]], set[int]]] = {}

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._detail_errors, self._limit_requests, self._answer_errors])
        app.on_shutdown.append(self._shut_down)
        routes = (
            ("GET", "/health/live", self._health),
            ("GET", "/health/ready", self._health),
            ("GET", "/metrics", self._metrics),
            ("GET", "/faults", self._faults),
            ("POST", "/api/auth/signup", self._signup),
            ("POST", "/api/auth/login", self._login),
            ("POST", "/api/ws/ticket", self._ticket),
            ("GET", "/api/ws/chat", self._socket),
            ("GET", "/api/chatrooms", self._chatrooms),
            ("GET", "/api/chatrooms/joined", self._chatrooms),
            ("POST", "/api/chatrooms/{id}/join", self._join),
            ("POST", "/api/conversations/", self._create),
            ("GET", "/api/conversations/{id}/messages", self._history),
            ("POST", "/api/conversations/{id}/messages", self._post_message),
            ("POST", "/api/conversations/{id}/read", self._mark_read),
            ("DELETE", "/api/conversations/{id}", self._leave),
        )
        for method, path, handler in routes:
            app.router.add_route(method, path, handler)
        return app

    # -- middle ------------------------------------------------------------------------------------------------------

    @web.middleware
    async def _limit_requests(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        is_api = request.path.startswith("/api/")
        if is_api and not self.chat.limits.allows("request", request.remote):
            return _problem(429, "Too many requests")
        if is_api and self.chat.broker.is_out and request.path.endswith(("/login", "/ticket")):
            return _problem(503, "Service unavailable")
        response: web.StreamResponse = await handler(request)
        return response

    @web.middleware
    async def _detail_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        if response.status >= 400 and "error-bodies" in self.chat.like and isinstance(response, web.Response):
            return _detailed(response)
        return response

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPException as error:
            return _problem(error.status, error.text or error.reason)
        return response

    def _user_id(self, request: web.Request) -> int:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        user_id = self.tokens.read(token) if kind == "Bearer" else None
        if user_id is None:
            raise web.HTTPUnauthorized(text="Missing or invalid token")
        return user_id

    def _conversation_id(self, request: web.Request) -> int:
        text = request.match_info["id"]
        conversation_id = int(text) if text.isdigit() else 0
        if self.chat.store.conversation(conversation_id) is None:
            raise web.HTTPNotFound(text="No such conversation")
        return conversation_id

    def _membership(self, request: web.Request) -> tuple[int, int]:
        """The user and the conversation of a call that only members may make."""
        user_id, conversation_id = self._user_id(request), self._conversation_id(request)
        if not self.chat.store.is_member(conversation_id, user_id):
            raise web.HTTPForbidden(text="You are not a member of this conversation")
        return user_id, conversation_id

    # -- health ------------------------------------------------------------------------------------------------------

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"status": "ok" if self.is_ready else "stopping"}, status=200 if self.is_ready else 503
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return web.Response(body=generate_latest(registry), content_type="text/plain")

    def collect(self) -> Any:
        """The counts in Prometheus' terms; called by its registry."""
        hub = self.chat.hub
        for name, text, value in (
            ("backend_messages_taken", "Messages accepted", hub.messages_taken),
            ("backend_deliveries_queued", "Deliveries of messages given to connections", hub.deliveries_queued),
            ("backend_frames_queued", "Frames given to connections, of every kind", hub.frames_queued),
            ("backend_frames_written", "Frames written to sockets", hub.frames_written),
            ("backend_frames_dropped", "Frames dropped because a connection's buffer was full", hub.frames_dropped),
        ):
            family = CounterMetricFamily(name, text)
            family.add_metric([], value)
            yield family
        gauge = GaugeMetricFamily("backend_connections", "Open WebSocket connections")
        gauge.add_metric([], hub.connection_count)
        yield gauge

    async def _faults(self, request: web.Request) -> web.Response:
        """The truth about the faults that were asked for."""
        faults = self.chat.faults
        return web.json_response(faults.truth() if faults is not None else {"counts": {}, "faults": []})

    # -- accounts ----------------------------------------------------------------------------------------------------

    async def _signup(self, request: web.Request) -> web.Response:
        if not self.chat.limits.allows("signup", request.remote):
            return _problem(429, "Too many sign-ups")
        body = await _body(request, "username", "email", "password")
        problem = signup_problem(body["username"], body["email"], body["password"])
        if problem:
            return _problem(400, problem)
        hashed = await asyncio.to_thread(hash_password, body["password"], self.bcrypt_cost)
        try:
            user = self.chat.store.add_user(body["username"], body["email"], hashed)
        except Duplicate:
            return _problem(409, "User already exists")
        return self._welcome(user, 201)

    async def _login(self, request: web.Request) -> web.Response:
        if not self.chat.limits.allows("login", request.remote):
            return _problem(429, "Too many logins")
        body = await _body(request, "email", "password")
        user = self.chat.store.user_by_email(body["email"])
        if user is None or not await asyncio.to_thread(password_fits, body["password"], user["password"]):
            return _problem(401, "Invalid credentials")
        if user["is_banned"]:
            return _problem(403, "Banned")
        return self._welcome(user, 200)

    def _welcome(self, user: dict[str, Any], status: int) -> web.Response:
        shown = {key: user[key] for key in ("id", "username", "email", "created_at")}
        tokens = {"token": self.tokens.make(user["id"]), "refresh_token": self.tokens.make(user["id"], "refresh")}
        return web.json_response(tokens | {"user": shown}, status=status)

    async def _ticket(self, request: web.Request) -> web.Response:
        return web.json_response({"ticket": self.tickets.issue(self._user_id(request)), "expires_in": 60})

    # -- conversations -----------------------------------------------------------------------------------------------

    async def _chatrooms(self, request: web.Request) -> web.Response:
        only_joined = request.path.endswith("/joined")
        return web.json_response(self.chat.store.conversations(self._user_id(request), only_joined))

    async def _join(self, request: web.Request) -> web.Response:
        user_id, conversation_id = self._user_id(request), self._conversation_id(request)
        user = self.chat.store.user(user_id)
        if self.chat.store.add_member(conversation_id, user_id) and user is not None:
            self.chat.joined_over_http(conversation_id, user["username"])
        return web.json_response({"message": "Joined"})

    async def _create(self, request: web.Request) -> web.Response:
        user_id = self._user_id(request)
        try:
            body = await request.json()
            name, is_group = str(body.get("name") or ""), bool(body.get("is_group"))
            participants = [int(participant) for participant in body.get("participant_ids") or []]
        except (ValueError, TypeError, AttributeError):
            return _problem(400, "Invalid request body")
        if is_group and not name:
            return _problem(400, "A group needs a name")
        if not participants:
            return _problem(400, "At least one participant is required")
        created = self.chat.store.add_conversation(name, is_group, user_id, participants)
        return web.json_response(created | {"participants": self.chat.store.participants(created["id"])}, status=201)

    async def _history(self, request: web.Request) -> web.Response:
        user_id, conversation_id = self._membership(request)
        if "cached-history" in self.chat.like:
            return web.json_response(self._cached_page(conversation_id, user_id))
        limit = min(max(_whole(request.query.get("limit"), 50), 1), 100)
        offset = max(_whole(request.query.get("offset"), 0), 0)
        return web.json_response(self.chat.store.messages(conversation_id, limit, offset))

    def _cached_page(self, conversation_id: int, user_id: int) -> list[dict[str, Any]]:
        """The newest messages as they were when the page was cached, the oldest first, whatever was asked for.

        The members are cached with it: who came later is refused.
        """
        cached_s, page, members = self._pages.get(conversation_id, (-HISTORY_CACHE_S, [], set()))
        now_s = asyncio.get_running_loop().time()
        if now_s - cached_s >= HISTORY_CACHE_S:
            page = self.chat.store.messages(conversation_id, HISTORY_PAGE, 0)[::-1]
            members = {each["id"] for each in self.chat.store.participants(conversation_id)}
            self._pages[conversation_id] = now_s, page, members
        if user_id not in members:
            raise web.HTTPForbidden(text="You are not a member of this conversation")
        return page

    async def _post_message(self, request: web.Request) -> web.Response:
        user_id, conversation_id = self._membership(request)
        body = await _body(request, "content")
        user = self.chat.store.user(user_id)
        assert user is not None
        message_type = str(body.get("message_type") or "text")
        status, answer = self.chat.post(user_id, user["username"], conversation_id, body["content"], message_type)
        return web.json_response(answer, status=status) if isinstance(answer, dict) else _problem(status, answer)

    async def _mark_read(self, request: web.Request) -> web.Response:
        user_id, conversation_id = self._membership(request)
        self.chat.store.mark_read(conversation_id, user_id)
        return web.json_response({"message": "Marked as read"})

    async def _leave(self, request: web.Request) -> web.Response:
        user_id, conversation_id = self._membership(request)
        self.chat.store.remove_member(conversation_id, user_id)
        if "sticky-subscription" not in self.chat.like:
            self.chat.hub.unsubscribe(conversation_id, user_id)
        return web.json_response({"message": "Left"})

    # -- WebSocket ---------------------------------------------------------------------------------------------------

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        user_id = self.tickets.consume(request.query.get("ticket", ""))
        user = self.chat.store.user(user_id) if user_id is not None else None
        if user is None:
            return _problem(401, "Invalid or expired ticket")
        socket = web.WebSocketResponse(timeout=CLOSE_WAIT_S, max_msg_size=MAX_FRAME_BYTES, compress=False)
        await socket.prepare(request)
        if not self.chat.hub.has_room(user["id"]):
            await socket.send_str('{"error":"user connection limit reached"}')
            if "abrupt-limit" in self.chat.like and request.transport is not None:
                request.transport.close()
                return socket
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return socket
        await self._serve(socket, request, user)
        return socket

    async def _serve(self, socket: web.WebSocketResponse, request: web.Request, user: dict[str, Any]) -> None:
        assert isinstance(request.transport, asyncio.WriteTransport)
        connection = Connection(self.chat.hub, request.transport, user["id"], user["username"])
        self._sockets.add(socket)
        heart = asyncio.create_task(_ping(connection))
        try:
            self.chat.arrived(connection)
            await self._read(socket, connection)
        finally:
            heart.cancel()
            self._sockets.discard(socket)
            self.chat.left(connection)

    async def _read(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        """Until the client closes, breaks a rule, or is silent for ten seconds (its pongs count as life)."""
        while True:
            try:
                message = await socket.receive(timeout=SILENCE_LIMIT_S)
            except TimeoutError:
                await socket.close(code=WSCloseCode.GOING_AWAY, message=b"silent")
                return
            if message.type is WSMsgType.TEXT:
                self.chat.take(connection, message.data)
            elif message.type not in (WSMsgType.PING, WSMsgType.PONG, WSMsgType.BINARY):
                return

    async def _shut_down(self, app: web.Application) -> None:
        self.is_ready = False
        self.chat.hub.to_all(encode({"type": "server_shutdown", "payload": {}}))
        closing = [socket.close(code=WSCloseCode.GOING_AWAY) for socket in list(self._sockets)]
        await asyncio.gather(*closing, return_exceptions=True)


PING = b"\x89\x00"


async def _ping(connection: Connection) -> None:
    """Ping every three seconds; end a connection that has taken no outbound bytes for that long."""
    stuck = False
    while True:
        await asyncio.sleep(PING_INTERVAL_S)
        waiting = connection.transport.get_write_buffer_size()
        if waiting and stuck:
            connection.transport.abort()
            return
        stuck = bool(waiting)
        if not waiting:
            connection.transport.write(PING)


async def _body(request: web.Request, *names: str) -> dict[str, Any]:
    """A JSON object with these members, all text. Raises HTTPBadRequest."""
    try:
        body = await request.json()
    except ValueError as error:
        raise web.HTTPBadRequest(text="Invalid request body") from error
    if not isinstance(body, dict) or not all(isinstance(body.get(name), str) for name in names):
        raise web.HTTPBadRequest(text=f"Expected the members {', '.join(names)}")
    return body


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default


def _detailed(response: web.Response) -> web.Response:
    """An error as the real one words it."""
    text = json.loads(response.text or "{}").get("error", "")
    body = {"error": text, "code": response.reason.upper().replace(" ", "_"), "request_id": uuid.uuid4().hex}
    return web.json_response(body, status=response.status)


def _problem(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
