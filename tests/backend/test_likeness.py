"""Each likeness to the real backend, over real sockets."""

import json
import signal
import sys

import pytest
import websocket

from backend.likeness import FAITHFUL, likeness
from tests.backend.test_backend import Person, people, until  # noqa: F401 - a fixture

pytestmark = pytest.mark.e2e


def frames_until(link, kind):
    """The frames up to the first of a type."""
    found = [json.loads(link.recv())]
    while found[-1].get("type") != kind:
        found.append(json.loads(link.recv()))
    return found


def is_quiet(link):
    """Whether nothing comes: what is asked for next is answered next."""
    link.settimeout(0.5)
    try:
        while True:
            if json.loads(link.recv()).get("type") not in ("user_status", "room_message", "chatroom_presence"):
                return False
    except Exception as error:
        return "timed out" in str(error)


def test_names_are_checked():
    assert likeness(True, []) == FAITHFUL
    assert likeness(False, ["silence,presence", "room-message"]) == {"silence", "presence", "room-message"}
    with pytest.raises(ValueError, match="there is no likeness 'kind'; there are abrupt-limit"):
        likeness(False, ["kind"])


def test_the_first_frames_come_in_the_real_order(people):  # noqa: F811
    ada, bob = people("ada", "bob", options=("--like", "first-frames"))
    first = json.loads(ada.connect().recv())
    while first["type"] == "user_status":
        first = json.loads(ada.sockets[-1].recv())
    assert (first["type"], first["conversation_id"]) == ("connected", 0)
    frames = [frame for frame in frames_until(bob.connect(), "connected") if frame["type"] != "user_status"]
    assert [frame["type"] for frame in frames] == ["connected_users", "connected"]
    assert frames[0]["payload"]["user_ids"] == [ada.id]


def test_an_account_hears_of_its_conversations_before_it_joins(people):  # noqa: F811
    ada, bob = people("ada", "bob", options=("--like", "first-frames"))
    room = ada.group()
    bob.call("POST", f"/chatrooms/{room}/join", {})
    link = bob.connect()
    ada.say(ada.join(room), room, "hello")
    assert until(link, "message")["payload"]["content"] == "hello"


def test_joined_has_a_payload(people):  # noqa: F811
    ada = people("ada", options=("--like", "joined-payload"))
    room, link = ada.group(), ada.connect()
    link.send(json.dumps({"type": "join", "conversation_id": room}))
    assert until(link, "joined")["payload"] == {"conversation_id": room}


def test_the_bot_greets_at_the_first_http_join(people):  # noqa: F811
    ada, bob = people("ada", "bob", options=("--like", "welcome-bot,presence"))
    room = ada.group()
    link = ada.join(room)
    bob.call("POST", f"/chatrooms/{room}/join", {})
    bob.call("POST", f"/chatrooms/{room}/join", {})
    kinds = [frame["type"] for frame in frames_until(link, "room_message")]
    assert kinds[-2:] == ["chatroom_presence", "room_message"]
    assert until(link, "chatroom_presence")["payload"]["participants"][0]["is_banned"] is False
    bob.join(room)
    assert is_quiet(link)


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        '{"type":"sing"}',
        '{"type":"message","conversation_id":1,"content":""}',
        '{"type":"join","conversation_id":1}',
    ],
)
def test_what_is_not_understood_has_no_answer(people, frame):  # noqa: F811
    ada, bob = people("ada", "bob", options=("--like", "silence", "--no-presence"))
    ada.group()
    link = bob.connect()
    until(link, "connected")
    link.send(frame)
    assert is_quiet(link)


def test_a_non_members_message_has_no_answer(people):  # noqa: F811
    ada, bob = people("ada", "bob", options=("--like", "silence", "--no-presence"))
    room, link = ada.group(), bob.connect()
    until(link, "connected")
    bob.say(link, room, "let me in")
    assert is_quiet(link)


@pytest.mark.parametrize(("options", "is_taken"), [((), True), (("--like", "byte-limits"), False)])
def test_the_limit_of_a_message_may_count_bytes(people, options, is_taken):  # noqa: F811
    ada = people("ada", options=options)
    room = ada.group()
    link = ada.join(room)
    frame = {"type": "message", "conversation_id": room, "content": "é" * 5_500}
    link.send(json.dumps(frame, ensure_ascii=False))
    assert until(link, "message" if is_taken else "error")


def test_typing_has_no_payload(people):  # noqa: F811
    ada = people("ada", options=("--like", "typing-null"))
    room = ada.group()
    link = ada.join(room)
    link.send(json.dumps({"type": "typing", "conversation_id": room, "is_typing": True}))
    assert until(link, "typing")["payload"] is None


def test_a_history_is_one_cached_page_in_ascending_order(people):  # noqa: F811
    ada, bob = people("ada", "bob", options=("--like", "cached-history,welcome-bot"))
    room = ada.group()
    link = ada.join(room)
    for number in range(60):
        ada.say(link, room, str(number))
        until(link, "message")
    page = ada.call("GET", f"/conversations/{room}/messages?limit=7&offset=30").json()
    assert [message["content"] for message in page] == [str(number) for number in range(10, 60)]
    ada.say(link, room, "later")
    until(link, "message")
    assert ada.call("GET", f"/conversations/{room}/messages?limit=100&offset=0").json() == page
    assert bob.call("POST", f"/chatrooms/{room}/join", {}).status_code == 200
    assert bob.call("GET", f"/conversations/{room}/messages").status_code == 403


def test_a_connection_too_many_ends_without_a_close_frame(people):  # noqa: F811
    ada = people("ada", options=("--like", "abrupt-limit", "--max-conns-per-user", "1"))
    until(ada.connect(), "connected")
    link = ada.connect()
    assert "limit" in until(link, "limit")["error"]
    with pytest.raises(websocket.WebSocketConnectionClosedException, match="lost"):
        link.recv_data(control_frame=True)


def test_a_payload_is_in_alphabetical_order(people):  # noqa: F811
    ada = people("ada", options=("--like", "sorted-payload"))
    room = ada.group()
    link = ada.join(room)
    ada.say(link, room, "hello")
    payload = until(link, "message")["payload"]
    assert list(payload) == sorted(payload)
    assert next(iter(payload)) == "content"


def test_errors_have_a_code_and_a_request_id(people):  # noqa: F811
    ada = people("ada", options=("--like", "error-bodies"))
    answer = ada.call("GET", "/conversations/99/messages")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert set(answer.json()) == {"error", "code", "request_id"}


@pytest.mark.parametrize(("options", "hears"), [((), False), (("--like", "sticky-subscription"), True)])
def test_leaving_over_http_may_leave_the_subscription(people, options, hears):  # noqa: F811
    ada, bob = people("ada", "bob", options=(*options, "--no-presence"))
    room = ada.group()
    link, other = ada.join(room), bob.join(room)
    bob.call("DELETE", f"/conversations/{room}")
    ada.say(link, room, "gone?")
    until(link, "message")
    assert is_quiet(other) is not hears


@pytest.mark.parametrize(("version", "kind"), [("room-message", "room_message"), ("no-delivery", None)])
def test_versions_deliver_otherwise_or_not_at_all(people, version, kind):  # noqa: F811
    ada = people("ada", options=("--like", f"{version},welcome-bot", "--no-presence"))
    room = ada.group()
    link = ada.join(room)
    ada.say(link, room, "hello")
    if kind is None:
        assert is_quiet(link)
    else:
        assert until(link, kind)["payload"]["content"] == "hello"
    assert len(ada.call("GET", f"/conversations/{room}/messages").json()) == 1


def test_an_account_that_comes_back_was_never_offline(people):  # noqa: F811
    ada, bob = people("ada", "bob", options=("--like", "presence"))
    link = ada.connect()
    until(link, "connected")
    bob.connect().close()
    assert until(link, "user_status")["payload"]["status"] == "online"
    until(bob.connect(), "connected")
    assert until(link, "user_status")["payload"]["status"] == "online"


def test_a_blind_grace_tells_offline_all_the_same(people):  # noqa: F811
    ada, bob = people("ada", "bob", options=("--like", "presence,blind-grace"))
    link = bob.connect()
    ada.connect().close()
    assert until(link, "user_status")["payload"]["status"] == "online"
    ada.connect()
    statuses = [until(link, "user_status")["payload"]["status"] for _ in range(2)]
    assert statuses == ["online", "offline"]


def test_a_stop_has_no_close_frame(start_backend):
    backend = start_backend("--like", "abrupt-stop")
    link = Person(backend.origin, "ada").connect()
    until(link, "connected")
    backend.program.signal(signal.SIGTERM)
    with pytest.raises(Exception, match=r"lost|closed|reset"):
        while json.loads(link.recv())["type"] != "server_shutdown":
            continue
        raise AssertionError("it said so")


def test_a_likeness_that_there_is_not_is_one_sentence(start):
    program = start(sys.executable, "-m", "backend", "--port", "0", "--like", "kindness")
    assert program.code() == 2
    assert "backend: there is no likeness 'kindness'" in program.text
