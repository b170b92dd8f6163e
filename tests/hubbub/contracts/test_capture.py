"""What a browser saved is read as far as it is of use."""

import base64

import pytest

from hubbub.contracts.capture import has_value, leaves, read_capture
from hubbub.errors import ConfigError


def har(*entries):
    return {"log": {"entries": list(entries)}}


def called(method, url, text="", mime="application/json", answer="", **content):
    request = {"method": method, "url": url, "headers": [{"name": "X-A", "value": "1"}]}
    return {
        "request": request | {"postData": {"mimeType": mime, "text": text}},
        "response": {"content": {"text": answer} | content},
    }


def linked(*messages, url="wss://x.test/ws?a=1"):
    frames = [{"type": kind, "opcode": 1, "data": data} for kind, data in messages]
    return {"request": {"url": url, "headers": [{"name": "Authorization", "value": "B"}]}, "_webSocketMessages": frames}


def test_calls_and_the_busiest_websocket_are_read():
    form = called("POST", "https://x.test/login?a=1", "u=1&p=2", "application/x-www-form-urlencoded", '{"t":1}')
    coded = called("GET", "https://x.test/me", answer=base64.b64encode(b'{"id":7}').decode(), encoding="base64")
    capture = read_capture(har(form, coded, linked(("send", "x")), linked(("receive", '42["a",1]'), ("send", "{}"))))
    assert [(call.method, call.path, call.body, call.answer) for call in capture.calls] == [
        ("POST", "/login?a=1", {"u": "1", "p": "2"}, {"t": 1}),
        ("GET", "/me", None, {"id": 7}),
    ]
    assert [(each.is_sent, each.prefix, each.body) for each in capture.frames] == [
        (False, "42", ["a", 1]),
        (True, "", {}),
    ]
    assert capture.upgrade_headers == {"authorization": "B"}


@pytest.mark.parametrize("values", [None, [], {}, {"log": 1}, {"log": {"entries": [1]}}, {"log": {"entries": [{}]}}])
def test_what_is_no_har_is_one_sentence(values):
    with pytest.raises(ConfigError, match=r"^learn: [^\n]*$"):
        read_capture(values)


def test_a_capture_without_a_websocket_is_one_sentence():
    with pytest.raises(ConfigError, match="has no WebSocket with messages"):
        read_capture(har(called("GET", "https://x.test/")))


def test_leaves_have_their_paths():
    assert list(leaves({"a": [{"b": 1}, True], "c": "x"})) == [("a.0.b", 1), ("a.1", True), ("c", "x")]
    assert has_value({"a": [1]}, 1)
    assert not has_value({"a": [True]}, 1)
