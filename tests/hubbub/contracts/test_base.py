"""A call is data: how it is made, and how its answer is read."""

import pytest

from hubbub.contracts import Call, load_contract
from hubbub.errors import CallFailed


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
