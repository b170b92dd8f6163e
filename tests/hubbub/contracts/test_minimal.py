"""The smallest contract: no accounts, no echo, an acknowledgement."""

import json

from hubbub.contracts import Delivery, EventKind, load_contract

MINIMAL = load_contract("minimal")


def event(contract, frame):
    return contract.recognise(json.dumps(frame).encode())


def test_minimal_acknowledges_and_delivers():
    assert event(MINIMAL, {"ack": 3}).number == 3
    assert event(MINIMAL, {"deliver": "hi", "in": 4, "from": 7}) == Delivery(4, 7, "hi")
    assert event(MINIMAL, {"welcome": 1}).kind is EventKind.CONNECTED
    assert event(MINIMAL, {"joined": 4}).conversation_id == 4


def test_it_has_no_accounts_and_no_tickets():
    assert not MINIMAL.has_accounts
    assert not MINIMAL.has_echo
    assert json.loads(MINIMAL.hello("a@x.y")) == {"hello": "a@x.y"}
    assert MINIMAL.websocket_path("") == MINIMAL.settings["path"]


def test_frames_name_their_conversation():
    assert json.loads(MINIMAL.join(4)) == {"join": 4}
    assert json.loads(MINIMAL.leave(4)) == {"leave": 4}
    assert event(MINIMAL, {"what": 1}).kind is EventKind.OTHER
