"""Variables stand where the values of a capture stood, and nowhere else."""

import json

import pytest

from hubbub.contracts.capture import Said
from hubbub.contracts.heard import Message, Number, Prefixed
from hubbub.contracts.placing import Places, answer_to
from hubbub.contracts.templates import Template


def frame(body, prefix=""):
    return Said(True, prefix + json.dumps(body), prefix, body)


def places(room=4, text="hello out there"):
    received = frame({"room": room, "text": text})
    made = Places(Message(text, received, "text", True, frame=received, room=room, room_name="room"))
    made.secrets = {"a-long-enough-token": "token"}
    made.user = 7
    return made


@pytest.mark.parametrize(
    ("body", "template"),
    [
        ({"room": 4, "at": 1444, "n": 4}, '{"room":$room.json,"at":1444,"n":4}'),
        ({"text": "hello out there", "cost": "$5"}, '{"text":$content.json,"cost":"$$5"}'),
        ({"auth": "Bearer a-long-enough-token"}, '{"auth":"Bearer $token"}'),
        ({"who": "ada@example.com", "pass": "hunter2"}, '{"who":$email.json,"pass":$password.json}'),
    ],
)
def test_values_become_variables_at_their_places(body, template):
    assert places().frame(frame(body)) == template


def test_a_frame_that_is_filled_in_again_is_the_same():
    body = {"text": "hello out there", "room": 4, "more": ["$x", "ä", None, True]}
    values = {"room": 4, "content": "hello out there"}
    assert json.loads(Template(places().frame(frame(body))).fill(values)) == body


def test_numbers_keep_their_type_and_prefixes_their_rest():
    made = places()
    assert made.frame(frame({"id": 5}), Number("id", 5)) == '{"id":$number}'
    assert made.frame(frame({"id": "5"}), Number("id", "5")) == '{"id":"$number"}'
    assert made.frame(frame(["say"], "4217"), Number("", Prefixed("17"))) == '42$number["say"]'


def test_bodies_of_calls_keep_what_is_nested():
    body = {"room": {"title": "our room", "members": [7, 8]}, "text": "hello out there", "flag": True}
    assert places().named(body) == {
        "room": {"title": "$name", "members": ["$user", 8]},
        "text": "$content",
        "flag": True,
    }


def test_an_answer_repeats_the_number_of_its_question():
    assert answer_to(frame({"ping": 3, "is": True}), frame({"pong": 3})) == '{"pong":$(ping)}'
    assert answer_to(Said(False, "2", "2", None), Said(True, "3", "3", None)) == "3"
