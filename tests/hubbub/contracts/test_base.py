"""A call is data: how it is made, and how its answer is read."""

import pytest

from hubbub.contracts import Call, Event, EventKind, load_contract
from hubbub.contracts.base import checked_id, checked_text
from hubbub.errors import CallFailed, ContractError
from hubbub.ledger.frame_types import UNREADABLE, WITHOUT_TYPE


def answering(status, body):
    calls = []

    def request(*call):
        calls.append(call)
        return status, body

    return request, calls


def test_a_call_is_made_with_its_headers_and_body():
    request, calls = answering(201, b'{"id":1}')
    assert Call("POST", "/x", {"a": 1}, "t", accepts=(201,)).perform(request) == {"id": 1}
    headers = {"Accept": "application/json", "Content-Type": "application/json", "Authorization": "Bearer t"}
    assert calls == [("POST", "/x", headers, b'{"a":1}')]


def test_a_call_without_a_body_has_none():
    request, calls = answering(200, b"")
    assert Call("GET", "/x").perform(request) is None
    assert calls == [("GET", "/x", {"Accept": "application/json"}, b"")]


@pytest.mark.parametrize(("status", "body", "reason"), [(500, b"oops", "HTTP 500"), (200, b"<html>", "not JSON")])
def test_an_answer_that_is_not_accepted_fails(status, body, reason):
    with pytest.raises(CallFailed, match=reason):
        Call("GET", "/x").read(status, body)


def test_what_a_contract_does_not_have_is_none():
    contract = load_contract("minimal")
    assert contract.health() is None
    assert contract.typing(4, True) is None
    assert contract.read(4) is None


def test_an_answer_that_cannot_be_read_says_which_call_it_was():
    request, _ = answering(200, b'{"id":"' + b"x" * 200 + b'"}')
    with pytest.raises(ContractError, match=r"^GET /x: '?.{0,90}\.\.\. is not an answer that it has \(KeyError"):
        Call("GET", "/x?secret=1").ask(request, lambda body: body["name"])
    assert Call("GET", "/x").ask(request, len) == 1


@pytest.mark.parametrize("value", [0, -5, "17", (1 << 63) - 1, -(1 << 63)])
def test_an_id_is_a_whole_number_of_64_bits(value):
    assert checked_id(value) == int(value)


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, 1.5, None, True, "", "x", [], {}])
def test_anything_else_is_no_id(value):
    with pytest.raises(ContractError, match="expected an id"):
        checked_id(value)


def test_a_text_is_a_text():
    assert checked_text("t") == "t"
    with pytest.raises(ContractError, match=r"expected a text, got \['t'\]"):
        checked_text(["t"])


def test_frames_without_a_type_have_the_ledgers_names():
    assert Event(EventKind.UNREADABLE).frame_type == UNREADABLE
    assert Event(EventKind.OTHER).frame_type == WITHOUT_TYPE
    assert Event(EventKind.JOINED).frame_type == ""
