"""The opening handshake: strict about what the server may answer."""

import pytest

from hubbub.errors import ConnectError
from hubbub.transport.handshake import (
    accept_of,
    build_request,
    head_length,
    make_key,
    offered_protocols,
    read_answer,
    redact,
)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GOOD = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept_of(KEY)}


def answer(status="101 Switching Protocols", headers=GOOD, version="HTTP/1.1"):
    lines = [f"{version} {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode()


def test_the_example_of_the_rfc():
    assert accept_of(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_the_request_has_what_the_rfc_asks_for():
    request = build_request("h:80", "/chat?x=1", KEY, {"Origin": "https://a.b"}, "permessage-deflate")
    assert request.startswith(b"GET /chat?x=1 HTTP/1.1\r\nHost: h:80\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    assert b"Sec-WebSocket-Version: 13\r\n" in request
    assert b"\r\nOrigin: https://a.b\r\n" in request
    assert request.endswith(b"\r\n\r\n")


def test_a_host_of_ones_own_takes_the_place_of_the_address():
    request = build_request("127.0.0.1:80", "/ws", KEY, {"host": "chat.internal", "X-A": "b"}).decode()
    assert request.lower().count("host:") == 1
    assert "Host: chat.internal\r\n" in request
    assert "X-A: b\r\n" in request


@pytest.mark.parametrize(
    ("offered", "selected", "is_fine"),
    [
        ("v1.chat, v2.chat", ["v2.chat"], True),
        ("v1.chat", [], True),
        ("v1", ["v2"], False),
        ("v1, v2", ["v1", "v2"], False),
    ],
)
def test_a_subprotocol_that_was_offered_may_be_selected(offered, selected, is_fine):
    protocols = offered_protocols({"sec-websocket-protocol": offered})
    head = answer() + "".join(f"\r\nSec-WebSocket-Protocol: {each}" for each in selected).encode()
    if is_fine:
        assert read_answer(head, KEY, "", protocols)
        return
    with pytest.raises(ConnectError, match="a subprotocol that was not offered"):
        read_answer(head, KEY, "", protocols)


def test_keys_are_sixteen_bytes():
    assert make_key(bytes(16)) == "AAAAAAAAAAAAAAAAAAAAAA=="


def test_a_good_answer_is_taken():
    assert read_answer(answer(), KEY).extensions == ""
    loud = GOOD | {"upgrade": "WebSocket", "connection": "keep-alive, UPGRADE"}
    del loud["Upgrade"], loud["Connection"]
    read_answer(answer(headers=loud), KEY)


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        (answer(headers=GOOD | {"Sec-WebSocket-Accept": accept_of("other")}), "Sec-WebSocket-Accept is wrong"),
        (answer(headers={"Upgrade": "websocket", "Connection": "Upgrade"}), "Sec-WebSocket-Accept is wrong"),
        (answer(headers=GOOD | {"Upgrade": "h2c"}), "Upgrade is not websocket"),
        (answer(headers=GOOD | {"Connection": "close"}), "Connection is not Upgrade"),
        (answer(headers=GOOD | {"Sec-WebSocket-Extensions": "permessage-deflate"}), "extension that was not offered"),
        (answer(headers=GOOD | {"Sec-WebSocket-Protocol": "chat"}), "subprotocol that was not offered"),
        (answer(version="HTTP/1.0"), "not HTTP/1.1"),
        (b"SSH-2.0-OpenSSH", "not HTTP/1.1"),
        (answer() + b"\r\nbad header: x", "bad header"),
    ],
)
def test_anything_else_is_refused(head, complaint):
    with pytest.raises(ConnectError, match=complaint):
        read_answer(head, KEY)


@pytest.mark.parametrize("status", ["200 OK", "301 Moved", "401 Unauthorized", "503 Busy"])
def test_another_status_is_kept_and_redirects_are_not_followed(status):
    with pytest.raises(ConnectError) as caught:
        read_answer(answer(status, GOOD | {"Location": "http://elsewhere", "Set-Cookie": "a=b"}), KEY)
    assert caught.value.status == int(status[:3])
    assert "elsewhere" not in str(caught.value)


def test_the_head_ends_at_the_empty_line_and_is_bounded():
    assert head_length(b"HTTP/1.1 101") == 0
    assert head_length(b"HTTP/1.1 101\r\n\r\nrest") == 16
    with pytest.raises(ConnectError, match="over 16384 bytes"):
        head_length(b"x" * 20_000)


def test_secrets_are_not_shown():
    assert "abc123" not in redact("GET /ws?ticket=abc123&x=1")
    assert redact("a\x00b" + "x" * 500) == "a b" + "x" * 117
