"""Contracts make frames and calls, and recognise what comes back; no input makes them raise."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub import contracts
from hubbub.config import OPTION
from hubbub.contracts import CONTRACTS, Call, Delivery, EventKind, load_contract
from hubbub.errors import CallFailed, ConfigError, ContractError

SANCTUM = load_contract("sanctum")
MINIMAL = load_contract("minimal")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def event(contract, frame):
    return contract.recognise(json.dumps(frame).encode())


def test_the_option_names_exactly_the_contracts_there_are():
    assert set(OPTION["contract"].choices) == set(CONTRACTS)


def test_settings_come_from_conf_and_unknown_keys_are_refused(tmp_path, monkeypatch):
    assert SANCTUM.settings["api"] == "/api"
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "sanctum.toml").write_text('apy = "/x"\n')
    monkeypatch.setattr(contracts, "CONF", tmp_path)
    with pytest.raises(ConfigError, match="no key 'apy'"):
        load_contract("sanctum")


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
        ({"type": "typing"}, EventKind.OTHER),
        ([], EventKind.UNREADABLE),
    ],
)
def test_sanctum_recognises_every_frame_of_its_backend(frame, kind):
    assert event(SANCTUM, frame).kind is kind


def test_sanctum_takes_a_message_frame_as_a_delivery():
    frame = {"type": "message", "conversation_id": 4, "user_id": 7, "payload": {"content": "hi"}}
    assert event(SANCTUM, frame) == Delivery(4, 7, "hi")
    assert json.dumps(frame, separators=(",", ":")).encode().startswith(SANCTUM.delivery_prefix)


def test_minimal_acknowledges_and_delivers():
    assert event(MINIMAL, {"ack": 3}).number == 3
    assert event(MINIMAL, {"deliver": "hi", "in": 4, "from": 7}) == Delivery(4, 7, "hi")
    assert event(MINIMAL, {"welcome": 1}).kind is EventKind.CONNECTED
    assert event(MINIMAL, {"joined": 4}).conversation_id == 4


@pytest.mark.parametrize("contract", [SANCTUM, MINIMAL], ids=lambda contract: contract.name)
@given(payload=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_frame_makes_a_contract_raise(contract, payload):
    contract.recognise(payload)


@pytest.mark.parametrize("contract", [SANCTUM, MINIMAL], ids=lambda contract: contract.name)
@given(content=st.text(min_size=1))
def test_frames_are_json_whatever_the_content(contract, content):
    json.loads(contract.message(4, content))


def test_answers_that_do_not_fit_are_contract_errors():
    with pytest.raises(ContractError, match=r"expected 'user\.id'"):
        SANCTUM.identity({"token": "t", "user": {}})
    with pytest.raises(CallFailed, match="HTTP 500"):
        Call("GET", "/x").read(500, b"oops")
    with pytest.raises(CallFailed, match="not JSON"):
        Call("GET", "/x").read(200, b"<html>")
