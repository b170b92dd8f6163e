"""Two people chat in Chromium, and what one of their browsers saw is saved as its developer tools save it (HAR).

The pages are scripts that run at the backend's origin: `start(name, room)` signs in, opens a WebSocket and joins; it
returns the room, which it makes where there is none. `say(text)` sends a message.
"""

import json
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PASSWORD = "TestPass123!@#"

COMMON = """
async function heard(link, count) {
  while (link.heard < count) await new Promise((done) => setTimeout(done, 10));
}
async function call(method, path, body, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body && !(body instanceof URLSearchParams)) headers["Content-Type"] = "application/json";
  const sent = body && !(body instanceof URLSearchParams) ? JSON.stringify(body) : body;
  const answer = await fetch(path, { method, headers, body: sent });
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}
const opened = (url, protocols) => new Promise((done) => {
  const link = new WebSocket(url.replace(/^http/, "ws"), protocols);
  link.heard = 0;
  link.addEventListener("message", () => (link.heard += 1));
  link.addEventListener("open", () => done(link));
});
"""

EMBEDDED = (
    COMMON
    + """
async function start(name, room) {
  const email = `${name}@example.com`, password = "TestPass123!@#";
  await call("POST", "/api/auth/signup", { username: name, email, password });
  const { token, user } = await call("POST", "/api/auth/login", { email, password });
  if (!room) {
    const made = { name: "our room", is_group: true, participant_ids: [user.id] };
    room = (await call("POST", "/api/conversations/", made, token)).id;
  }
  await call("POST", `/api/chatrooms/${room}/join`, {}, token);
  const { ticket } = await call("POST", "/api/ws/ticket", {}, token);
  const link = await opened(`${location.origin}/api/ws/chat?ticket=${encodeURIComponent(ticket)}`);
  await heard(link, 1);
  const before = link.heard;
  link.send(JSON.stringify({ type: "join", conversation_id: room }));
  await heard(link, before + 1);
  window.say = (content) => link.send(JSON.stringify({ type: "message", conversation_id: room, content }));
  return room;
}
"""
)

OWN = (
    COMMON
    + """
async function start(name, room) {
  const email = `${name}@example.com`, password = "TestPass123!@#";
  await call("POST", "/api/register", { email, name, password });
  const { access_token } = await call("POST", "/api/login", new URLSearchParams({ username: email, password }));
  room = room || (await call("POST", "/api/rooms", { title: "our room" }, access_token)).id;
  await call("POST", `/api/rooms/${room}/join`, null, access_token);
  const link = await opened(`${location.origin}/ws?access_token=${access_token}`);
  link.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.event === "ping") link.send(JSON.stringify({ event: "pong", n: frame.n }));
  });
  const id = () => crypto.randomUUID();
  await heard(link, 1);
  const before = link.heard;
  link.send(JSON.stringify({ event: "join", room, id: id() }));
  await heard(link, before + 1);
  window.say = (text) => link.send(JSON.stringify({ event: "say", room, data: { text }, id: id() }));
  return room;
}
"""
)

SOCKETIO = """
const load = (path) => new Promise((done) => {
  const script = document.createElement("script");
  script.src = path;
  script.onload = done;
  document.head.append(script);
});
async function start(name, room) {
  await load("/socket.io/socket.io.js");
  const socket = io({ transports: ["websocket"], auth: { email: `${name}@example.com` } });
  await new Promise((done) => socket.on("connect", done));
  room = room || "our-room";
  await socket.emitWithAck("join", room);
  window.say = (text) => socket.emit("message", room, text, () => {});
  return room;
}
"""


class Saved:
    """What the developer tools of one page saw, in the order in which it began."""

    def __init__(self, page):
        self._session = page.context.new_cdp_session(page)
        self._entries = {}
        for event, take in (
            ("requestWillBeSent", self._asked),
            ("responseReceived", self._answered),
            ("webSocketCreated", self._opened),
            ("webSocketWillSendHandshakeRequest", self._upgraded),
            ("webSocketFrameSent", lambda event: self._frame("send", event)),
            ("webSocketFrameReceived", lambda event: self._frame("receive", event)),
        ):
            self._session.on(f"Network.{event}", take)
        self._session.send("Network.enable")

    def _asked(self, event):
        request = event["request"]
        headers = [{"name": name, "value": value} for name, value in request["headers"].items()]
        entry = {"method": request["method"], "url": request["url"], "headers": headers}
        if "postData" in request:
            kind = next((each["value"] for each in headers if each["name"].lower() == "content-type"), "")
            entry["postData"] = {"mimeType": kind, "text": request["postData"]}
        self._entries[event["requestId"]] = {"request": entry, "_resourceType": event.get("type", "").lower()}

    def _answered(self, event):
        status, kind = event["response"]["status"], event["response"]["mimeType"]
        self._entries[event["requestId"]]["response"] = {"status": status, "content": {"mimeType": kind}}

    def _opened(self, event):
        entry = {"method": "GET", "url": event["url"], "headers": []}
        self._entries[event["requestId"]] = {
            "request": entry,
            "response": {"status": 101, "content": {}},
            "_resourceType": "websocket",
            "_webSocketMessages": [],
        }

    def _upgraded(self, event):
        headers = event["request"]["headers"]
        self._entries[event["requestId"]]["request"]["headers"] = [
            {"name": name, "value": value} for name, value in headers.items()
        ]

    def _frame(self, direction, event):
        frame = event["response"]
        self._entries[event["requestId"]]["_webSocketMessages"].append(
            {"type": direction, "time": event["timestamp"], "opcode": frame["opcode"], "data": frame["payloadData"]}
        )

    def save(self, path):
        for number, entry in self._entries.items():
            if "_webSocketMessages" not in entry and "response" in entry:
                body = self._session.send("Network.getResponseBody", {"requestId": number})
                entry["response"]["content"] |= {"text": body["body"]} | (
                    {"encoding": "base64"} if body["base64Encoded"] else {}
                )
        log = {"version": "1.2", "creator": {"name": "WebInspector"}, "entries": list(self._entries.values())}
        path.write_text(json.dumps({"log": log}))


@contextmanager
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


def record(origin, script, path):
    """Ada and Bob chat; what Ada's browser saw is saved."""
    with browser() as chromium:
        pages = [chromium.new_context().new_page() for _ in range(2)]
        saved = Saved(pages[0])
        room = None
        for page, name in zip(pages, ("ada", "bob"), strict=True):
            page.goto(f"{origin}/counts")
            page.add_script_tag(content=script)
            room = page.evaluate("([name, room]) => start(name, room)", [name, room])
        for page, text in zip(
            (*pages, pages[0]), ("hello out there", "good to hear you", "see you later"), strict=True
        ):
            page.evaluate("(text) => say(text)", text)
            pages[0].wait_for_timeout(700)
        pages[0].wait_for_timeout(2_500)  # until the backend has asked twice whether anybody is there
        saved.save(path)
