"""Chats as a browser does, and saves it as Chrome's HAR does."""

import json
import time

import requests
import websocket


class Recorder:
    """HTTP calls and one WebSocket, each kept as an entry of a HAR."""

    def __init__(self, origin):
        self.origin, self.entries, self.link = origin, [], None

    def call(self, method, path, body=None, form=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.request(method, self.origin + path, json=body, data=form, headers=headers, timeout=10)
        sent = answer.request
        posted = {"mimeType": sent.headers.get("Content-Type", ""), "text": sent.body or ""}
        if isinstance(posted["text"], bytes):
            posted["text"] = posted["text"].decode()
        self.entries.append(
            {
                "request": {
                    "method": method,
                    "url": sent.url,
                    "headers": [{"name": name, "value": value} for name, value in sent.headers.items()],
                    "postData": posted,
                },
                "response": {"status": answer.status_code, "content": {"text": answer.text}},
            }
        )
        return answer.json() if answer.text else None

    def open(self, path, token=None):
        url = self.origin.replace("http", "ws", 1) + path
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.link = websocket.create_connection(url, header=headers, timeout=0.2)
        named = [{"name": name, "value": value} for name, value in headers.items()]
        self.messages = []
        self.entries.append(
            {"request": {"method": "GET", "url": url, "headers": named}, "_webSocketMessages": self.messages}
        )

    def send(self, text):
        self.messages.append({"type": "send", "opcode": 1, "data": text})
        self.link.send(text)

    def listen(self, seconds, answer=lambda text: None):
        """Take what comes for a while, and answer what wants an answer."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                text = self.link.recv()
            except websocket.WebSocketTimeoutException:
                continue
            self.messages.append({"type": "receive", "opcode": 1, "data": text})
            if (reply := answer(text)) is not None:
                self.send(reply)

    def save(self, path):
        path.write_text(json.dumps({"log": {"version": "1.2", "entries": self.entries}}))


def of_the_embedded(origin):
    """Ada signs in to the embedded backend, makes a room and chats."""
    recorder = Recorder(origin)
    who = {"username": "ada", "email": "ada@example.com", "password": "TestPass123!@#"}
    requests.post(f"{origin}/api/auth/signup", json=who, timeout=10)
    login = recorder.call("POST", "/api/auth/login", {"email": who["email"], "password": who["password"]})
    token = login["token"]
    room = {"name": "our room", "is_group": True, "participant_ids": [login["user"]["id"]]}
    made = recorder.call("POST", "/api/conversations/", room, token=token)
    recorder.call("POST", f"/api/chatrooms/{made['id']}/join", {}, token=token)
    ticket = recorder.call("POST", "/api/ws/ticket", {}, token=token)["ticket"]
    recorder.open(f"/api/ws/chat?ticket={ticket}")
    recorder.listen(0.5)
    recorder.send(json.dumps({"type": "join", "conversation_id": made["id"]}, separators=(",", ":")))
    recorder.listen(0.5)
    message = {"type": "message", "conversation_id": made["id"], "content": "hello out there"}
    recorder.send(json.dumps(message, separators=(",", ":")))
    recorder.listen(0.5)
    return recorder


def of_our_own(origin):
    """Ada signs in to own_server.py, makes a room and chats."""
    recorder = Recorder(origin)
    who = {"email": "ada@example.com", "name": "ada", "password": "pw pw pw"}
    requests.post(f"{origin}/api/register", json=who, timeout=10)
    login = recorder.call("POST", "/api/login", form={"username": who["email"], "password": who["password"]})
    token = login["access_token"]
    room = recorder.call("POST", "/api/rooms", {"title": "our room"}, token=token)["id"]
    recorder.call("POST", f"/api/rooms/{room}/join", token=token)
    recorder.open("/ws", token)

    def answer(text):
        frame = json.loads(text)
        return json.dumps({"event": "pong", "n": frame["n"]}) if frame["event"] == "ping" else None

    recorder.listen(0.4, answer)
    recorder.send(json.dumps({"event": "join", "room": room, "id": "j-1"}))
    recorder.listen(0.4, answer)
    recorder.send(json.dumps({"event": "say", "room": room, "data": {"text": "hello out there"}, "id": "m-2"}))
    recorder.listen(2.5, answer)
    return recorder


def of_socketio(origin):
    """Ada chats on Socket.IO."""
    recorder = Recorder(origin)
    recorder.open("/socket.io/?EIO=4&transport=websocket")

    def answer(text):
        if text.startswith("0"):
            return '40{"email":"ada@example.com"}'
        return "3" if text == "2" else None

    recorder.listen(0.5, answer)
    recorder.send('421["join","our-room"]')
    recorder.listen(0.5, answer)
    recorder.send('422["message","our-room","hello out there"]')
    recorder.listen(2.5, answer)
    return recorder
