"""A call is data: how it is made, and how its answer is read."""

import pytest

from hubbub.contracts import Call, perform
from hubbub.contracts.calls import checked_id, checked_number, checked_text, member
from hubbub.errors import CallFailed, ConnectError, ContractError, Throttled


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


def test_a_form_and_other_bodies_are_sent_as_they_are():
    request, calls = answering(200, b"{}")
    Call("POST", "/x", form={"a": "1 2", "b": "&"}).perform(request)
    Call("POST", "/x", content=b"<a/>", more_headers={"Content-Type": "text/xml", "Accept": "*/*"}).perform(request)
    assert [(call[2]["Content-Type"], call[3]) for call in calls] == [
        ("application/x-www-form-urlencoded", b"a=1+2&b=%26"),
        ("text/xml", b"<a/>"),
    ]
    assert calls[1][2]["Accept"] == "*/*"


@pytest.mark.parametrize(("status", "is_fine"), [(200, True), (204, True), (302, False), (404, False)])
def test_without_statuses_any_success_will_do(status, is_fine):
    if is_fine:
        assert Call("GET", "/x", accepts=()).read(status, b"") is None
    else:
        with pytest.raises(CallFailed):
            Call("GET", "/x", accepts=()).read(status, b"")


# -- scripts ----------------------------------------------------------------------------------------------------------


def asking(read, *calls):
    answer = None
    for call in calls:
        answer = yield call
    return read(answer)


def test_a_script_is_sent_each_answer_and_returns():
    def script():
        first = yield Call("GET", "/one")
        second = yield Call("GET", "/two", token=first["token"])
        return second["token"]

    request, calls = answering(200, b'{"token":"t"}')
    assert perform(script(), request) == "t"
    assert [(call[1], call[2].get("Authorization")) for call in calls] == [("/one", None), ("/two", "Bearer t")]


def test_an_answer_that_cannot_be_read_says_which_call_it_was():
    request, _ = answering(200, b'{"id":"' + b"x" * 200 + b'"}')
    with pytest.raises(ContractError, match=r"^GET /x: \{'id': 'xxx[*]{3}'\} is not an answer that it has \(KeyError"):
        perform(asking(lambda body: body["name"], Call("GET", "/x?secret=1")), request)
    assert perform(asking(len, Call("GET", "/x")), request) == 1


def test_a_call_that_fails_ends_its_script():
    request, calls = answering(500, b"oops")
    with pytest.raises(CallFailed, match="HTTP 500"):
        perform(asking(len, Call("GET", "/x"), Call("GET", "/y")), request)
    assert len(calls) == 1


@pytest.mark.parametrize("error", [ConnectError("gone"), Throttled("later")])
def test_errors_of_the_network_are_passed_on(error):
    def request(*_):
        raise error

    with pytest.raises(type(error)):
        perform(asking(len, Call("GET", "/x")), request)


def test_a_script_without_an_end_is_stopped():
    def script():
        while True:
            yield Call("GET", "/x")

    request, calls = answering(200, b"{}")
    with pytest.raises(ContractError, match="more than 20 calls, the last one GET /x"):
        perform(script(), request)
    assert len(calls) == 20


def test_a_script_yields_calls():
    with pytest.raises(ContractError, match="must yield calls, and yielded 'x'"):
        perform(asking(len, "x"), answering(200, b"")[0])


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -5, "17", "x", "!a:b", (1 << 63) - 1, -(1 << 63)])
def test_an_id_is_kept_as_it_came(value):
    assert checked_id(value) is value


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, 1.5, None, True, "", [], {}, "x" * 1_001])
def test_anything_else_is_no_id(value):
    with pytest.raises(ContractError, match="expected an id"):
        checked_id(value)


@pytest.mark.parametrize("value", [0, -5, "17", (1 << 63) - 1, -(1 << 63)])
def test_a_number_is_a_whole_one_of_64_bits(value):
    assert checked_number(value) == int(value)


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, 1.5, None, True, "", "x", [], {}])
def test_anything_else_is_no_number(value):
    with pytest.raises(ContractError, match="expected an id"):
        checked_number(value)


def test_a_text_is_a_text():
    assert checked_text("t") == "t"
    with pytest.raises(ContractError, match=r"expected a text, got \['t'\]"):
        checked_text(["t"])


def test_a_member_that_is_missing_is_named():
    assert member({"a": {"b": 1}}, "a", "b") == 1
    with pytest.raises(ContractError, match=r"expected 'a\.c' in the backend's answer, got"):
        member({"a": {"b": 1}}, "a", "c")
