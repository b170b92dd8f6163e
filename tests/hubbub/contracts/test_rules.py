"""The first condition that fits decides what a frame means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.contracts import Delivery, Event, EventKind
from hubbub.contracts.rules import Rules


def meaning(rule, payload, values=None):
    rules = Rules([rule])
    return rules.receive(payload, values or {}), rules.place(payload)


@pytest.mark.parametrize(
    ("rule", "payload", "fits"),
    [
        ({"is": "2"}, b"2", True),
        ({"is": "2"}, b"23", False),
        ({"starts": "42["}, b'42["x"]', True),
        ({"starts": "42["}, b"4", False),
        ({"matches": r"43(\d+)"}, b"4317", True),
        ({"matches": r"43(\d+)"}, b"43", False),
        ({"has": "a.b"}, b'{"a":{"b":null}}', True),
        ({"has": ["a", "c"]}, b'{"a":1}', False),
        ({"has": "a"}, b"no json", False),
        ({"where": {"type": "x"}}, b'{"type":"x"}', True),
        ({"where": {"type": "x", "n": 1}}, b'{"type":"x","n":true}', False),
        ({"where": {"0": "message"}, "json_from": 2}, b'42["message"]', True),
        ({"where": {"0": "message"}, "json_from": "["}, b'42/ns,["message"]', True),
        ({"where": {"0": "message"}, "json_from": "["}, b"none", False),
        ({}, b"\xff\xfe", True),
    ],
)
def test_conditions(rule, payload, fits):
    events, place = meaning({"means": "confirmed", **rule}, payload)
    assert (place == 0) is fits
    assert events[0].kind is (EventKind.CONFIRMED if fits else EventKind.OTHER)


def test_a_delivery_says_where_by_whom_and_what():
    rule = {"means": "delivery", "text": "d.text", "sender": "d.by", "room": "r"}
    assert meaning(rule, b'{"r":"a","d":{"text":"hi","by":7}}')[0] == [Delivery("a", 7, "hi")]
    assert meaning(rule, b'{"d":{"text":"hi"}}')[0] == [Delivery(0, -1, "hi")]


@pytest.mark.parametrize("payload", [b'{"d":{"text":5}}', b"{}", b'{"d":{"text":"x"},"r":[1]}'])
def test_a_delivery_without_what_it_takes_is_unreadable(payload):
    rule = {"means": "delivery", "text": "d.text", "room": "r"}
    ((event,), _) = meaning(rule, payload)
    assert event.kind is EventKind.UNREADABLE
    assert event.text.startswith("when[0]: expected")


def test_an_expression_finds_numbers_and_json():
    rule = {"means": "refused", "matches": r"43(?P<number>\d+)(?P<json>\[.*)", "says": "0.error"}
    assert meaning(rule, b'4317[{"error":"no"}]')[0] == [Event(EventKind.REFUSED, number=17, text="no")]
    assert meaning(rule, b'43999999999999999999999[{"error":{"c":1}}]')[0][0].text == '{"c":1}'


@pytest.mark.parametrize(("value", "number"), [("7", 7), ('"7"', 7), ("true", 0), ("-1", 0), ("null", 0), ("1.5", 0)])
def test_a_number_is_a_whole_one_or_none(value, number):
    ((event,), _) = meaning({"means": "confirmed", "number": "n"}, b'{"n":%s}' % value.encode())
    assert event.number == number


def test_states_are_words_or_flags():
    rule = {"means": "typing", "state": "s", "user": "u", "room": "r"}
    ((event,), _) = meaning(rule, b'{"s":"start","u":"ada","r":4}')
    assert (event.state, event.user_id, event.conversation_id) == (True, "ada", 4)
    assert meaning(rule, b'{"s":[]}')[0][0].state is None


def test_a_reply_follows_what_the_frame_means():
    rule = {"where": {"op": "ping"}, "reply": ['{"op":"pong","id":$(id),"as":$email.json}', "x"]}
    events, _ = meaning(rule, b'{"op":"ping","id":[1]}', {"email": "a@x.y"})
    assert events[0].kind is EventKind.OTHER
    assert events[1] == Event(EventKind.REPLY, frames=['{"op":"pong","id":[1],"as":"a@x.y"}', "x"])


def test_what_nothing_fits_is_told_by_its_type():
    assert [Rules([]).receive(each, {})[0].text for each in (b'{"type":"x"}', b'{"event":"y"}', b"[]", b"\xff")] == [
        "x",
        "y",
        "",
        "",
    ]


def test_prefixes_are_those_that_nothing_else_can_take():
    delivery = {"means": "delivery", "starts": '42["message"', "text": "1"}
    assert Rules([{"starts": "40"}, delivery]).prefixes == (b'42["message"',)
    assert Rules([{"starts": "4"}, delivery]).prefixes == ()
    assert Rules([{"has": "error"}, delivery]).prefixes == ()
    assert Rules([{**delivery, "has": "1"}]).prefixes == ()


def test_deliveries_that_are_answered_are_known():
    assert Rules([{"means": "delivery", "reply": "ok"}]).answers_deliveries
    assert not Rules([{"means": "delivery"}, {"reply": "x"}]).answers_deliveries


@given(payload=st.binary(), means=st.sampled_from(["delivery", "confirmed", "joined", "typing"]))
def test_no_frame_makes_a_rule_raise(payload, means):
    Rules([{"means": means, "text": "a", "room": "b", "number": "c", "json_from": "{"}]).receive(payload, {})


def test_an_acknowledgement_without_its_number_is_unreadable():
    rules = Rules([{"where": {"type": "ack"}, "means": "confirmed", "number": "client_id"}])
    assert rules.receive(b'{"type":"ack","client_id":3}', {})[0].number == 3
    (event,) = rules.receive(b'{"type":"ack","clientId":3}', {})
    assert event.kind is EventKind.UNREADABLE
    assert "expected the message's number at 'client_id'" in event.text


def test_what_means_nothing_is_called_as_its_condition_is():
    rules = Rules([{"where": {"event": "ping"}, "reply": "pong"}, {"is": "2", "reply": "3"}])
    assert rules.receive(b'{"event":"ping"}', {})[0].frame_type == "ping"
    assert rules.receive(b"2", {})[0].frame_type == "2"
