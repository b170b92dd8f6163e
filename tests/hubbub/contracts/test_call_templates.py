"""HTTP calls of a contract in TOML."""

import pytest

from hubbub.contracts.call_templates import CallTemplate, found_at
from hubbub.errors import ContractError


def test_a_call_is_filled_in():
    template = CallTemplate({"post": "/rooms/$room.url", "json": {"text": "$content"}, "headers": {"X-A": "$tenant"}})
    call = template.call({"room": "a b", "content": "hi", "tenant": "acme", "token": "t"})
    assert (str(call), call.json, call.token, dict(call.more_headers)) == (
        "POST /rooms/a%20b",
        {"text": "hi"},
        "t",
        {"X-A": "acme"},
    )
    assert template.names == {"room", "content", "tenant"}


@pytest.mark.parametrize("header", ["Authorization", "cookie"])
def test_who_says_who_asks_sends_no_bearer(header):
    assert CallTemplate({"get": "/", "headers": {header: "x"}}).call({"token": "t"}).token == ""


def test_what_an_answer_lacks_is_named():
    with pytest.raises(ContractError, match=r"expected 'a\.b' in the backend's answer"):
        found_at("a.b", {"a": {}})
