"""Which frames of a capture are the chat."""

import json

import pytest

from hubbub.contracts.capture import read_capture
from hubbub.contracts.heard import Number, find_message, kinds, number_of
from tests.hubbub.contracts.test_capture import called, har, linked


def said(*frames, more=()):
    texts = [(way, body if isinstance(body, str) else json.dumps(body)) for way, body in frames]
    return find_message(read_capture(har(*more, linked(*texts))))


def say(text, **more):
    return ("send", {"type": "say", "room": "r-1", "text": text} | more)


def heard(text, **more):
    return ("receive", {"type": "said", "room": "r-1", "text": text} | more)


def test_a_text_that_came_back_is_the_message():
    message = said(say("hello out there"), heard("hello out there"))
    assert (message.text, message.has_echo, message.path, message.received_path) == (
        "hello out there",
        True,
        "text",
        "text",
    )
    assert (message.room, message.room_name) == ("r-1", "room")


def test_the_kind_that_came_back_most_often_is_it():
    joins = ("send", {"type": "join", "room": "general chat"}), ("receive", {"type": "joined", "room": "general chat"})
    message = said(*joins, say("one two"), heard("one two"), say("three four"), heard("three four"))
    assert message.text == "one two"


def test_an_acknowledgement_that_repeats_the_text_is_no_delivery():
    ack = ("receive", {"type": "stored", "text": "hello you", "id": 5})
    message = said(say("hello you"), ack, heard("hello you"), heard("good to see you"))
    assert kinds(message.received.body) == {"type": "said"}


def test_without_an_echo_the_texts_of_others_are_deliveries():
    message = said(say("hello out there"), heard("good to hear you"))
    assert (message.has_echo, message.received.body["text"]) == (False, "good to hear you")


def test_what_another_socket_received_is_a_delivery_too():
    other = linked(("receive", json.dumps({"type": "said", "room": "r-1", "text": "hello out there"})))
    message = said(say("hello out there"), more=[other])
    assert (message.has_echo, message.received.body["type"]) == (False, "said")


def test_a_message_over_http_is_found_by_its_text():
    call = called("POST", "http://x/rooms/7/messages", '{"text":"hello out there"}')
    message = said(("receive", {"type": "said", "room": 7, "text": "hello out there"}), more=[call])
    assert (message.call.path, message.room) == ("/rooms/7/messages", 7)


def test_no_words_are_no_message():
    assert said(say("hello"), heard("hello")) is None


def test_a_number_as_room_is_one_only_under_its_name():
    message = said(("send", {"t": "say", "room": 4, "text": "a b", "size": 4}), ("receive", {"room": 4, "text": "a b"}))
    assert message.has_room({"room": 4})
    assert not message.has_room({"size": 4})
    assert not message.has_room({"room": True})


@pytest.mark.parametrize(
    ("first", "second", "number"),
    [
        ({"id": "m-1"}, {"id": "m-2"}, Number("id", "m-1")),
        ({"tenant": "acme", "id": "m-1"}, {"tenant": "acme", "id": "m-2"}, Number("id", "m-1")),
        ({"tenant": "acme"}, {"tenant": "acme"}, None),
    ],
)
def test_a_number_differs_from_message_to_message(first, second, number):
    answers = [("receive", {"type": "ok"} | each) for each in (first, second)]
    talk = (say("a b", **first), answers[0], say("c d", **second), answers[1])
    frames = read_capture(har(linked(*((way, json.dumps(body)) for way, body in talk)))).frames
    assert number_of(frames, 0, {"say", "r-1", "a b"}) == number
