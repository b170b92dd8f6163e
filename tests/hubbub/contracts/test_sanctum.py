"""The default contract recognises every frame of its backend."""

import json

import pytest

from hubbub.contracts import Credentials, Delivery, EventKind, Identity, load_contract, perform
from hubbub.errors import ConfigError, ContractError

SANCTUM = load_contract("sanctum")


def event(contract, frame):
    return contract.recognise(json.dumps(frame).encode())


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        ({"type": "connected", "payload": {"user_id": 1}}, EventKind.CONNECTED),
        ({"type": "joined", "conversation_id": 4}, EventKind.JOINED),
        ({"type": "error", "payload": {"message": "Rate limit exceeded. Please wait a moment."}}, EventKind.THROTTLED),
        ({"type": "error", "payload": {"message": "Bad"}}, EventKind.REFUSED),
        ({"type": "messages_dropped", "payload": {"reason": "buffer_full"}}, EventKind.DROPPED),
        ({"type": "server_shutdown"}, EventKind.SHUTDOWN),
        ({"error": "user connection limit reached"}, EventKind.LIMIT),
        ({"type": "room_message", "conversation_id": 4, "payload": {"content": "x"}}, EventKind.OTHER),
        ({"type": "typing"}, EventKind.TYPING),
        ({"type": "message_read"}, EventKind.OTHER),
        ({"type": "user_status", "payload": {"user_id": 7, "status": "offline"}}, EventKind.PRESENCE),
        ({"type": "user_status"}, EventKind.UNREADABLE),
        ([], EventKind.UNREADABLE),
    ],
)
def test_sanctum_recognises_every_frame_of_its_backend(frame, kind):
    assert event(SANCTUM, frame).kind is kind


def test_sanctum_takes_a_message_frame_as_a_delivery():
    frame = {"type": "message", "conversation_id": 4, "user_id": 7, "payload": {"content": "hi"}}
    assert event(SANCTUM, frame) == Delivery(4, 7, "hi")
    assert json.dumps(frame, separators=(",", ":")).encode().startswith(SANCTUM.delivery_prefix)


def test_an_answer_without_its_members_is_a_contract_error():
    with pytest.raises(ContractError, match=r"expected 'user\.id'"):
        perform(SANCTUM.login(Credentials("a@x.y", "p")), lambda *_: (200, b'{"token":"t","user":{}}'))
    with pytest.raises(ContractError, match="expected a list of messages, got dict"):
        perform(SANCTUM.history(Identity("t", 1), 4, 100, 0), lambda *_: (200, b"{}"))


def test_a_ticket_is_quoted():
    assert SANCTUM.websocket_path("a&b") == "/api/ws/chat?ticket=a%26b"


def test_signals_are_frames():
    frames = [SANCTUM.leave(4), SANCTUM.typing(4, True), SANCTUM.read(4)]
    assert [json.loads(frame)["type"] for frame in frames] == ["leave", "typing", "read"]


@pytest.mark.parametrize(
    ("frame", "state"),
    [
        ({"user_id": 7, "payload": {"user_id": 7, "is_typing": True}}, True),
        ({"payload": {"user_id": 7, "is_typing": False}}, False),
        ({"user_id": 7, "payload": None}, None),
        ({"user_id": "7", "payload": {"is_typing": "yes"}}, None),
    ],
)
def test_a_typing_frame_says_who_and_may_say_what(frame, state):
    told = event(SANCTUM, {"type": "typing", "conversation_id": 4} | frame)
    assert (told.kind, told.conversation_id, told.user_id, told.state) == (EventKind.TYPING, 4, 7, state)


@pytest.mark.parametrize("frame", [{"payload": [1]}, {"payload": 7}, {"user_id": "ada", "payload": {}}])
def test_a_typing_frame_of_another_kind_is_unreadable(frame):
    assert event(SANCTUM, {"type": "typing"} | frame).kind is EventKind.UNREADABLE


def test_the_type_of_a_delivery_is_a_setting():
    older = load_contract("sanctum", "room_message, message")
    frame = {"type": "room_message", "conversation_id": 1, "user_id": 2, "payload": {"content": "hi"}}
    payload = json.dumps(frame, separators=(",", ":")).encode()
    assert payload.startswith(older.delivery_prefix)
    assert older.recognise(payload) == Delivery(1, 2, "hi")
    assert older.recognise(payload.replace(b"room_message", b"message")) == Delivery(1, 2, "hi")
    other = SANCTUM.recognise(payload)
    assert (other.kind, other.frame_type) == (EventKind.OTHER, "room_message")


def test_a_contract_with_one_type_of_delivery_is_given_no_other():
    with pytest.raises(ConfigError, match="'minimal' has one type of delivery"):
        load_contract("minimal", "message")
