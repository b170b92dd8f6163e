"""The embedded backend against its contract, over real sockets, with independent clients."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests
import websocket

from tests.support import ROOT, wait_until

pytestmark = pytest.mark.e2e
PASSWORD = "TestPass123!@#"


class Person:
    """An account of the backend, used with `requests` and `websocket-client`."""

    def __init__(self, origin, name):
        self.origin, self.name = origin, name
        self.sockets = []
        account = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        answer = requests.post(f"{origin}/api/auth/signup", json=account, timeout=10)
        if answer.status_code == 409:
            answer = requests.post(f"{origin}/api/auth/login", json=account, timeout=10)
        self.status = answer.status_code
        body = answer.json()
        self.id = body["user"]["id"]
        self.headers = {"Authorization": f"Bearer {body['token']}"}

    def call(self, method, path, body=None):
        return requests.request(method, f"{self.origin}/api{path}", json=body, headers=self.headers, timeout=10)

    def group(self, name="room"):
        body = {"name": name, "is_group": True, "participant_ids": [self.id]}
        return self.call("POST", "/conversations/", body).json()["id"]

    def connect(self, sockopt=()):
        ticket = self.call("POST", "/ws/ticket", {}).json()["ticket"]
        url = f"{self.origin.replace('http', 'ws', 1)}/api/ws/chat?ticket={ticket}"
        self.sockets.append(websocket.create_connection(url, timeout=10, sockopt=sockopt))
        return self.sockets[-1]

    def join(self, conversation, sockopt=()):
        self.call("POST", f"/chatrooms/{conversation}/join", {})
        link = self.connect(sockopt)
        link.send(json.dumps({"type": "join", "conversation_id": conversation}))
        until(link, "joined")
        return link

    def say(self, link, conversation, content):
        link.send(json.dumps({"type": "message", "conversation_id": conversation, "content": content}))


def until(link, kind):
    """Read frames until one of a type; returns it."""
    while True:
        frame = json.loads(link.recv())
        if frame.get("type") == kind or (kind == "limit" and "error" in frame):
            return frame


@pytest.fixture
def people(start_backend):
    made = []

    def people(*names, options=()):
        origin = start_backend(*options).origin
        made.extend(Person(origin, name) for name in names)
        return made if len(made) > 1 else made[0]

    yield people
    for person in made:
        for link in person.sockets:
            link.shutdown()


def test_a_message_reaches_everyone_subscribed_once_and_is_stored(people):
    ada, bob = people("ada", "bob")
    room = ada.group()
    first, second = ada.join(room), bob.join(room)
    ada.say(first, room, "hello")
    for link in (first, second):
        frame = until(link, "message")
        assert (frame["conversation_id"], frame["user_id"], frame["payload"]["content"]) == (room, ada.id, "hello")
        assert 400 <= len(json.dumps(frame)) <= 2048
    stored = bob.call("GET", f"/conversations/{room}/messages?limit=50&offset=0").json()
    assert [message["content"] for message in stored if message["sender_id"] == ada.id] == ["hello"]


def test_a_subscription_belongs_to_the_account(people):
    ada, bob = people("ada", "bob")
    room = ada.group()
    joined, idle = bob.join(room), bob.connect()
    sender = ada.join(room)
    ada.say(sender, room, "one")
    assert until(idle, "message")["payload"]["content"] == "one"
    joined.send(json.dumps({"type": "leave", "conversation_id": room}))
    joined.send(json.dumps({"type": "message", "conversation_id": room, "content": "still a member"}))
    assert until(sender, "message")["payload"]["content"] == "one"
    assert until(sender, "message")["payload"]["content"] == "still a member"


def test_a_message_over_http_comes_as_message_and_as_room_message(people):
    ada = people("ada")
    room = ada.group()
    link = ada.join(room)
    assert (
        ada.call("POST", f"/conversations/{room}/messages", {"content": "hi", "message_type": "text"}).status_code
        == 201
    )
    assert until(link, "message")["payload"]["content"] == "hi"
    assert until(link, "room_message")["payload"]["content"] == "hi"


def post(person, room, content):
    return person.call("POST", f"/conversations/{room}/messages", {"content": content})


def test_messages_over_http_have_the_same_limits(people):
    ada = people("ada", options=("--rate-limits",))
    room = ada.group()
    assert [post(ada, room, content).status_code for content in ("", "x" * 10_001)] == [400, 400]
    statuses = [post(ada, room, "hi").status_code for _ in range(16)]
    assert statuses == [201] * 15 + [429]


def test_a_broker_that_is_out_refuses_messages_over_http(people):
    ada = people("ada", options=("--broker-out", "0s:60s"))
    room = ada.group()
    link = ada.join(room)
    assert [post(ada, room, str(number)).status_code for number in range(3)] == [201, 503, 503]
    ada.say(link, room, "over the socket")
    assert until(link, "error")["payload"]["message"] == post(ada, room, "again").json()["error"]
    stored = ada.call("GET", f"/conversations/{room}/messages").json()
    assert [message["content"] for message in stored if message["content"].isdigit()] == ["0"]


def test_a_bot_greets_with_a_room_message_that_is_stored(people):
    ada = people("ada")
    room = ada.group()
    link = ada.connect()
    link.send(json.dumps({"type": "join", "conversation_id": room}))
    assert until(link, "room_message")["user_id"] != ada.id
    assert len(ada.call("GET", f"/conversations/{room}/messages").json()) == 1


def test_a_non_member_gets_no_join_no_history_and_an_error(people):
    ada, bob = people("ada", "bob")
    room = ada.group()
    link = bob.connect()
    link.send(json.dumps({"type": "join", "conversation_id": room}))
    bob.say(link, room, "let me in")
    assert "not a member" in until(link, "error")["payload"]["message"]
    assert bob.call("GET", f"/conversations/{room}/messages").status_code == 403


def test_the_thirteenth_connection_of_an_account_is_told_and_closed(people):
    ada = people("ada")
    for _ in range(12):
        until(ada.connect(), "connected")
    assert until(ada.connect(), "limit")["error"] == "user connection limit reached"


def test_a_ticket_works_once(people):
    ada = people("ada")
    ticket = ada.call("POST", "/ws/ticket", {}).json()
    assert ticket["expires_in"] == 60
    url = f"{ada.origin.replace('http', 'ws', 1)}/api/ws/chat?ticket={ticket['ticket']}"
    websocket.create_connection(url, timeout=10).shutdown()
    with pytest.raises(websocket.WebSocketBadStatusException, match="401"):
        websocket.create_connection(url, timeout=10)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "ada", "email": "ada@example.com", "password": PASSWORD}, 409),
        ({"username": "a", "email": "b@example.com", "password": PASSWORD}, 400),
        ({"username": "-abc", "email": "b@example.com", "password": PASSWORD}, 400),
        ({"username": "abc", "email": "nonsense", "password": PASSWORD}, 400),
        ({"username": "abc", "email": "b@example.com", "password": "short"}, 400),
        ({"username": "abc"}, 400),
    ],
)
def test_sign_ups_are_checked(people, body, status):
    ada = people("ada")
    assert requests.post(f"{ada.origin}/api/auth/signup", json=body, timeout=10).status_code == status


def test_logins_and_tokens_are_checked(people):
    ada = people("ada")
    login = {"email": "ada@example.com", "password": "WrongPass123!@#"}
    assert requests.post(f"{ada.origin}/api/auth/login", json=login, timeout=10).status_code == 401
    assert requests.post(f"{ada.origin}/api/ws/ticket", timeout=10).status_code == 401
    ada.headers["Authorization"] += "x"
    assert ada.call("GET", "/chatrooms").status_code == 401


def test_rooms_are_listed_and_left(people):
    ada, bob = people("ada", "bob")
    room = ada.group("tea")
    (shown,) = bob.call("GET", "/chatrooms").json()
    assert (shown["id"], shown["name"], shown["is_joined"]) == (room, "tea", False)
    bob.call("POST", f"/chatrooms/{room}/join", {})
    assert len(bob.call("GET", "/chatrooms/joined").json()) == 1
    assert bob.call("POST", f"/conversations/{room}/read", {}).status_code == 200
    assert bob.call("DELETE", f"/conversations/{room}").status_code == 200
    assert bob.call("GET", "/chatrooms/joined").json() == []
    assert bob.call("POST", "/chatrooms/999/join", {}).status_code == 404


def test_typing_and_read_and_presence_are_told(people):
    ada, bob = people("ada", "bob")
    room = ada.group()
    link = ada.join(room)
    other = bob.join(room)
    assert until(link, "user_status")["payload"]["status"] == "online"
    assert until(link, "chatroom_presence")["payload"]["participants"]
    other.send(json.dumps({"type": "typing", "conversation_id": room, "is_typing": True}))
    assert until(link, "typing")["payload"]["is_typing"]
    other.send(json.dumps({"type": "read", "conversation_id": room}))
    assert until(link, "message_read")["user_id"] == bob.id


def test_rate_limits_can_be_switched_on(people):
    ada = people("ada", options=("--rate-limits",))
    room = ada.group()
    link = ada.join(room)
    for number in range(16):
        ada.say(link, room, str(number))
    assert until(link, "error")["payload"]["message"] == "Rate limit exceeded. Please wait a moment."
    logins = [
        requests.post(f"{ada.origin}/api/auth/login", json={"email": "x", "password": "y"}, timeout=10)
        for _ in range(11)
    ]
    assert [answer.status_code for answer in logins] == [401] * 10 + [429]


def test_contents_and_frames_have_a_limit(people):
    ada = people("ada")
    room = ada.group()
    link = ada.join(room)
    ada.say(link, room, "x" * 10_001)
    assert "10000 characters" in until(link, "error")["payload"]["message"]
    ada.say(link, room, "x" * 17_000)
    opcode = None
    while opcode != websocket.ABNF.OPCODE_CLOSE:
        opcode, payload = link.recv_data()
    assert int.from_bytes(payload[:2], "big") == 1009


def test_a_slow_reader_loses_messages_and_the_counters_say_how_many(start_backend):
    backend = start_backend()
    ada = Person(backend.origin, "ada")
    room = ada.group()
    small = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
    slow, sender = ada.join(room, sockopt=small), ada.join(room)
    count, size = 800, 9_000
    for number in range(count):
        ada.say(sender, room, f"{number:06}" + "x" * size)
        until(sender, "message")
    dropped = wait_until(lambda: backend.metric("backend_frames_dropped_total"))
    got = 0
    while (frame := json.loads(slow.recv()))["type"] != "messages_dropped":
        got += frame["type"] == "message"
    assert got + dropped == count
    for person_socket in (slow, sender):
        person_socket.shutdown()


def test_pings_come_and_a_silent_connection_is_closed(start_backend):
    backend = start_backend()
    ada = Person(backend.origin, "ada")
    link = ada.connect()
    until(link, "connected")
    raw = link.sock
    raw.settimeout(15)
    began, data = time.monotonic(), b""
    while chunk := raw.recv(4096):
        data += chunk
    assert b"\x89\x00" in data, "a ping"
    assert 9 <= time.monotonic() - began <= 14, "nothing was answered, so it was closed after ten seconds"


def test_a_database_file_survives_a_restart(start_backend, tmp_path):
    file = str(tmp_path / "chat.db")
    backend = start_backend("--db", file)
    ada = Person(backend.origin, "ada")
    room = ada.group()
    ada.call("POST", f"/conversations/{room}/messages", {"content": "remember me"})
    backend.program.process.kill()
    again = Person(start_backend("--db", file).origin, "ada")
    assert (again.status, again.id) == (200, ada.id)
    contents = [message["content"] for message in again.call("GET", f"/conversations/{room}/messages").json()]
    assert "remember me" in contents


def test_a_shutdown_is_announced(start_backend):
    backend = start_backend()
    ada = Person(backend.origin, "ada")
    link = ada.connect()
    backend.program.signal(signal.SIGTERM)
    until(link, "server_shutdown")
    assert backend.program.code() == 0


def test_a_starter_that_has_ended_is_followed_quietly():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "backend", "--port", "0", "--stop-with-stdin"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=write, stderr=pipe, text=True) as process:
        os.close(write)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_one_sentence(start_backend):
    port = start_backend().origin.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "backend", "--port", port]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert again.returncode == 2
    assert again.stderr.startswith("backend: cannot listen on")
    assert len(again.stderr.splitlines()) == 1
