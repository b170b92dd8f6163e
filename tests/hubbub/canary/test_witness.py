"""The canary listens with other people's clients, and times what it hears by the tags."""

import io
import json

import pytest
import websocket

from hubbub.canary import witness as module
from hubbub.canary.witness import Witness, main
from hubbub.clock import monotonic_us
from hubbub.errors import ContractError
from hubbub.ledger import encode_tag
from tests.hubbub.canary.test_task import task


class Connection:
    """Plays frames; after the last one, time passes in silence."""

    def __init__(self, frames):
        self.frames, self.sent, self.is_closed = list(frames), [], False
        self.on_silence = lambda: None

    def recv(self):
        if not self.frames:
            self.on_silence()
            raise websocket.WebSocketTimeoutException
        return self.frames.pop(0)

    def send(self, frame):
        self.sent.append(frame)

    def settimeout(self, _seconds):
        pass

    def close(self):
        self.is_closed = True


def delivery(run=7, lag_us=1_000):
    content = encode_tag(run, 0, 1, 1, monotonic_us() - 5_000, lag_us, " x") + " x"
    return json.dumps({"type": "message", "conversation_id": 4, "user_id": 1, "payload": {"content": content}})


HELLO = ('{"type":"connected"}', '{"type":"presence"}', '{"type":"joined","conversation_id":4}')


@pytest.fixture
def listen(monkeypatch):
    """Let a canary hear some frames; returns it and its connection."""

    def listen(*frames, answers=None, **more):
        connection = Connection(frames)
        answers = answers or {"login": {"token": "t", "user": {"id": 1}}, "ticket": {"ticket": "k"}}
        urls = []

        def request(_method, path, _headers, _body):
            return 200, json.dumps(answers[path.rsplit("/", 1)[-1]]).encode()

        def create(url, **how):
            urls.append(url)
            connection.how = how
            return connection

        monkeypatch.setattr(module, "requests_client", lambda *_, **__: request)
        monkeypatch.setattr(module.websocket, "create_connection", create)
        canary = Witness(task(**more))
        connection.on_silence = canary.is_stopped.set
        canary.listen()
        return canary, connection, urls

    return listen


def test_it_times_the_messages_of_its_run(listen, capsys):
    canary, connection, urls = listen(*HELLO, delivery(), delivery(), delivery(run=8), '{"type":"typing"}')
    figures = canary.figures()
    assert figures["received"] == 2
    assert figures["response_ms"]["count"] == figures["delivery_ms"]["count"] == 2
    assert figures["response_ms"]["max"] - figures["delivery_ms"]["max"] == pytest.approx(1.0, abs=0.2)
    assert urls == ["ws://x/api/ws/chat?ticket=k"]
    assert connection.is_closed
    assert json.loads(capsys.readouterr().out) == {"ready": True}
    assert json.loads(connection.sent[0]) == {"type": "join", "conversation_id": 4}


def test_a_join_that_is_not_confirmed_is_a_contract_error(listen, monkeypatch):
    times = iter(range(0, 10**9, 1_000_000))
    monkeypatch.setattr(module, "monotonic_us", lambda: next(times))
    with pytest.raises(ContractError, match="no joined frame came in time"):
        listen(HELLO[0], *['{"type":"presence"}'] * 10)


def test_the_process_prints_what_went_wrong(monkeypatch, capsys):
    def refuse(*_arguments, **_how):
        raise websocket.WebSocketBadStatusException("no: %s %s", 403, "x")

    monkeypatch.setattr(module.websocket, "create_connection", refuse)
    monkeypatch.setattr(module.sys, "stdin", io.StringIO(task(contract="minimal").to_json() + "\n"))
    assert main() == 1
    assert json.loads(capsys.readouterr().out)["problem"].startswith("WebSocketBadStatusException")


def test_the_process_prints_what_it_saw_when_its_input_ends(monkeypatch, capsys):
    frames = ('{"welcome":1}', '{"joined":4}')
    monkeypatch.setattr(module.websocket, "create_connection", lambda *_, **__: Connection(frames))
    monkeypatch.setattr(module.sys, "stdin", io.StringIO(task(contract="minimal").to_json() + "\n"))
    assert main() == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (lines[0], lines[1]["received"]) == ({"ready": True}, 0)


def test_it_connects_where_a_name_is_told_to_be(listen):
    told = {"is_first": False, "told": {"chat.test:8443": ["::1", "127.0.0.1"]}}
    secure = {"host": "https://chat.test:8443", "websocket_origin": "wss://chat.test:8443", "insecure": True}
    _, connection, urls = listen(*HELLO, resolve=told, **secure)
    assert urls == ["wss://[::1]:8443/api/ws/chat?ticket=k"]
    assert connection.how["host"] == "chat.test:8443"
    assert connection.how["sslopt"]["server_hostname"] == "chat.test"
    assert not connection.how["sslopt"]["context"].check_hostname


def test_a_zone_is_written_as_the_resolver_takes_it(listen):
    _, connection, urls = listen(*HELLO, host="http://[fe80::1%25lo]:80", websocket_origin="ws://[fe80::1%25lo]:80")
    assert urls == ["ws://[fe80::1%lo]:80/api/ws/chat?ticket=k"]
    assert connection.how["host"] == "[fe80::1]:80"
