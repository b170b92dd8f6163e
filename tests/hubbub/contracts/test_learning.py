"""A contract is proposed from what comes back: it is TOML of the grammar, and says what it means."""

import json
import tomllib
from pathlib import Path

import pytest

from hubbub.contracts.declarative import Declarative
from hubbub.contracts.grammar import check
from hubbub.contracts.learning import FILL_IN, learn
from hubbub.errors import ConfigError
from tests.hubbub.contracts.test_capture import called, har, linked

TOKEN = "a-token-that-is-long-enough"


def proposed(capture):
    text = learn(capture)
    values = tomllib.loads(text)
    check(values, Path("learned.toml"), text)
    Declarative("learned", values)
    return text, values


def ours(number="m-2"):
    room = "0e6b8f3a-room"
    return har(
        called("POST", "http://x/api/login", "username=a%40b.c&password=hunter2hunter2", "x-www-form-urlencoded", "{}")
        | {
            "response": {"content": {"text": json.dumps({"jwt": TOKEN, "profile": {"id": "u-1"}})}},
        },
        called("POST", "http://x/api/rooms", '{"title":"our room"}', answer=json.dumps({"id": room})),
        called("POST", f"http://x/api/rooms/{room}/join"),
        linked(
            ("receive", '{"event":"ready"}'),
            ("send", json.dumps({"event": "join", "room": room, "id": "j-1"})),
            ("receive", '{"event":"ack","id":"j-1"}'),
            ("receive", '{"event":"ping"}'),
            ("send", '{"event":"pong"}'),
            ("send", json.dumps({"event": "say", "room": room, "data": {"text": "hello out there"}, "id": number})),
            ("receive", json.dumps({"event": "said", "room": room, "data": {"text": "hello out there", "by": "u-1"}})),
            ("receive", json.dumps({"event": "ack", "id": number})),
            ("receive", '{"event":"ping"}'),
            ("send", '{"event":"pong"}'),
            url=f"ws://x/ws?access_token={TOKEN}",
        ),
    )


def test_an_own_backend_is_learned_whole():
    text, values = proposed(ours())
    assert values["login"] == {
        "post": "/api/login",
        "form": {"username": "$email", "password": "$password"},
        "token": "jwt",
        "user": "profile.id",
    }
    assert values["create"] == {"post": "/api/rooms", "json": {"title": "$name"}, "room": "id"}
    assert values["member"] == {"post": "/api/rooms/$room/join"}
    assert values["open"]["path"] == "/ws?access_token=$token.url"
    assert json.loads(values["join"]["send"].replace("$room.json", '"r"'))["id"] == "$number"
    assert "$content.json" in values["message"]["send"]
    assert {"where": {"event": "ready"}, "means": "connected"} in values["when"]
    assert {"is": '{"event":"ping"}', "reply": '{"event":"pong"}'} in values["when"]
    delivery = {"room": "room", "text": "data.text", "sender": "data.by"}
    assert {"where": {"event": "said"}, "means": "delivery"} | delivery in values["when"]
    assert {"where": {"event": "ack"}, "means": "confirmed", "number": "id"} in values["when"]
    assert "hunter2" not in text
    assert TOKEN not in text


def test_socketio_is_learned_with_its_numbers():
    capture = har(
        linked(
            ("receive", '0{"sid":"s1"}'),
            ("send", '40{"email":"ada@example.com"}'),
            ("receive", '40{"sid":"s2"}'),
            ("send", '421["join","our-room"]'),
            ("receive", '431[{"ok":true}]'),
            ("send", '422["message","our-room","hello out there"]'),
            ("receive", '42["message",{"room":"our-room","from":"ada@example.com","text":"hello out there"}]'),
            ("receive", '432[{"ok":true}]'),
            url="ws://x/socket.io/?EIO=4&transport=websocket",
        )
    )
    text, values = proposed(capture)
    assert values["join"]["send"] == '42$number["join",$room.json]'
    assert values["message"]["send"] == '42$number["message",$room.json,$content.json]'
    assert {"starts": "0{", "reply": '40{"email":$email.json}'} in values["when"]
    assert {"starts": "40", "means": "connected"} in values["when"]
    assert values["when"][-1] == {"matches": r"43(?P<number>\d+)(?P<json>.*)", "means": "confirmed"}
    assert f"{FILL_IN}: no login with a token was seen" in text


def test_what_was_not_seen_is_left_to_fill_in():
    text, values = proposed(har(linked(("receive", '{"type":"hello"}'), ("send", '{"type":"x","text":"one two"}'))))
    assert f"{FILL_IN}: no message of two words or more was sent and received" in text
    assert values["when"] == [{"where": {"type": "hello"}, "means": "connected"}]


@pytest.mark.parametrize("frame", ["", "[" * 50, '{"a":', "\x00", '{"type":null}', "[]", "7", '"x"'])
def test_no_frame_makes_it_fail(frame):
    learn(har(linked(("receive", frame), ("send", frame), ("receive", frame))))


def test_no_password_of_the_capture_is_written(tmp_path):
    body = json.dumps({"variables": {"user": {"email": "a@b.c", "password": "hunter2hunter2"}}, "list": [None]})
    login = called("POST", "http://x/graphql", body, answer=json.dumps({"data": {"token": TOKEN}}))
    talk = linked(
        ("send", json.dumps({"type": "auth", "password": "hunter2hunter2", "key": TOKEN})),
        ("receive", '{"type":"ok"}'),
        ("send", '{"type":"say","text":"hello out there"}'),
        ("receive", '{"type":"said","text":"hello out there"}'),
    )
    text, values = proposed(har(login, talk))
    assert "hunter2" not in text
    assert values["login"]["json"]["variables"]["user"] == {"email": "$email", "password": "$password"}
    assert values["open"]["send"] == '{"type":"auth","password":$password.json,"key":"$token"}'


def test_only_what_is_answered_every_time_is_a_ping():
    typing = ("receive", '{"type":"typing"}')
    capture = har(
        linked(
            typing,
            ("send", '{"type":"seen"}'),
            typing,
            ("send", '{"type":"seen"}'),
            typing,
            ("receive", '{"type":"other"}'),
            ("send", '{"type":"say","text":"hello out there"}'),
            ("receive", '{"type":"said","text":"hello out there"}'),
        )
    )
    assert all("reply" not in rule for rule in proposed(capture)[1]["when"])


def test_a_frame_that_comes_again_and_again_is_a_heartbeat():
    capture = har(
        linked(
            ("receive", '{"type":"hello"}'),
            *(("send", '{"type":"alive"}') for _ in range(4)),
            ("send", '{"type":"say","text":"hello out there"}'),
            ("receive", '{"type":"said","text":"hello out there"}'),
        )
    )
    for second, message in enumerate(capture["log"]["entries"][0]["_webSocketMessages"]):
        message["time"] = 1_000 + 5 * second
    assert proposed(capture)[1]["heartbeat"] == {"every": "5.0s", "send": '{"type":"alive"}'}


def test_thousands_of_frames_take_no_time_to_speak_of():
    frames = []
    for number in range(3_000):
        frames += [("send", json.dumps({"t": "say", "text": f"hello number {number}"}))]
        frames += [("receive", json.dumps({"t": "said", "text": f"hello number {number}"}))]
    assert proposed(har(linked(*frames)))[1]["message"]["send"] == '{"t":"say","text":$content.json}'


@pytest.mark.parametrize("odd", [{"request": {"url": "wss://[::1/ws"}}, {"response": None}, {"request": None}])
def test_odd_entries_are_one_sentence_or_left_out(odd):
    capture = ours()
    capture["log"]["entries"][-1] |= odd
    try:
        learn(capture)
    except ConfigError as error:
        assert str(error).startswith("learn: ")
