"""The contracts that are shipped: each can be had, makes its frames, and bears whatever comes back."""

import contextlib
import dataclasses
import json
import random
from functools import cache

import msgpack
import pytest

from hubbub.client.guard import GuardedDialogue
from hubbub.contracts import Contract, Credentials, Delivery, EventKind, Identity, Opening, load_contract, perform
from hubbub.errors import HubbubError
from hubbub.options import OPTION
from tests.effort import IS_DEEP

NAMES = OPTION["contract"].choices()
OPENING = Opening(Credentials("ann@x.y", "p", "ann", {"token": "t", "team": "x"}), Identity("t", "u"), "k", 7, "room")
MUTATIONS = 10_000 if IS_DEEP else 500


def xmpp(kind, more, body=""):
    return f'<{kind} xmlns="jabber:client" {more}>{body}</{kind}>'.encode()


STATUS = '<x xmlns="http://jabber.org/protocol/muc#user"><status code="110"/></x>'
FRAMES = {
    "sanctum": [
        (b'{"type":"connected"}', EventKind.CONNECTED),
        (b'{"type":"message","conversation_id":4,"user_id":7,"payload":{"content":"hi"}}', Delivery(4, 7, "hi")),
    ],
    "minimal": [(b'{"ack":3}', EventKind.CONFIRMED), (b'{"deliver":"hi","in":4,"from":7}', Delivery(4, 7, "hi"))],
    "socketio": [
        (b'0{"sid":"x"}', EventKind.REPLY),
        (b"2", EventKind.REPLY),
        (b'40{"sid":"x"}', EventKind.CONNECTED),
        (b'44{"message":"not allowed"}', EventKind.FAILED),
        (b'42["message",{"room":"r","from":"ann","text":"hi"}]', Delivery("r", "ann", "hi")),
        (b'4317[{"ok":true}]', EventKind.CONFIRMED),
        (b'4317[{"error":"no"}]', EventKind.REFUSED),
    ],
    "centrifugo": [
        (b"{}", EventKind.REPLY),
        (b'{"id":999999,"connect":{"client":"c"}}', EventKind.CONNECTED),
        (b'{"id":999999,"error":{"code":101,"message":"no"}}', EventKind.FAILED),
        (b'{"id":7,"publish":{}}', EventKind.CONFIRMED),
        (b'{"id":7,"error":{"code":103,"message":"no"}}', EventKind.REFUSED),
        (b'{"id":7,"error":{"code":111,"message":"slow"}}', EventKind.THROTTLED),
        (b'{"push":{"channel":"r","pub":{"data":{"text":"hi"}}}}', Delivery("r", -1, "hi")),
    ],
    "socketio_msgpack": [
        (b'0{"sid":"x"}', EventKind.REPLY),
        (b"2", EventKind.REPLY),
        (msgpack.packb({"type": 0, "data": {"sid": "x"}, "nsp": "/"}), EventKind.CONNECTED),
        (msgpack.packb({"type": 4, "data": {"message": "not allowed"}, "nsp": "/"}), EventKind.FAILED),
        (
            msgpack.packb({"type": 2, "data": ["message", {"room": "r", "from": "ann", "text": "hi"}], "nsp": "/"}),
            Delivery("r", "ann", "hi"),
        ),
        (msgpack.packb({"type": 3, "data": [{"ok": True}], "nsp": "/", "id": 17}), EventKind.CONFIRMED),
        (msgpack.packb({"type": 3, "data": [{"error": "no"}], "nsp": "/", "id": 17}), EventKind.REFUSED),
    ],
    "matrix": [
        (
            b'{"next_batch":"s1","rooms":{"join":{"r":{"timeline":{"events":[{"sender":"@a:x","content":{"body":"hi"}}]}}}}}',
            Delivery("r", "@a:x", "hi"),
        ),
        (b'{"error":"?"}', EventKind.UNREADABLE),
    ],
    "actioncable": [
        (b'{"type":"welcome"}', EventKind.CONNECTED),
        (b'{"type":"ping","message":1795783289}', EventKind.OTHER),
        (
            b'{"identifier":"{\\"channel\\":\\"C\\",\\"room\\":\\"r\\"}","type":"confirm_subscription"}',
            EventKind.JOINED,
        ),
        (b'{"identifier":"{}","type":"reject_subscription"}', EventKind.FAILED),
        (b'{"type":"disconnect","reason":"unauthorized","reconnect":false}', EventKind.FAILED),
        (b'{"identifier":"{}","message":{"room":"r","sender":"ann","text":"hi"}}', Delivery("r", "ann", "hi")),
    ],
    "nats": [
        (b"INFO {}\r\n", EventKind.REPLY),
        (b"PING\r\n", EventKind.REPLY),
        (b"MSG r.1 1 2\r\nhi\r\n", Delivery("r.1", -1, "hi")),
        (b"-ERR 'Authorization Violation'\r\n", EventKind.FAILED),
    ],
    "mqtt": [
        (b"\x20\x02\x00\x00", EventKind.CONNECTED),
        (b"\x20\x02\x00\x05", EventKind.FAILED),
        (b"\x30\x05\x00\x01rhi", Delivery("r", -1, "hi")),
        (b"\xe0\x00", EventKind.SHUTDOWN),
    ],
    "stomp": [
        (b"CONNECTED\nversion:1.2\n\n", EventKind.CONNECTED),
        (b"RECEIPT\nreceipt-id:join r\\c1\n\n", EventKind.JOINED),
        (b"RECEIPT\nreceipt-id:message 7\n\n", EventKind.CONFIRMED),
        (b"ERROR\nmessage:no\nreceipt-id:message 7\n\n", EventKind.REFUSED),
        (b"\nMESSAGE\ndestination:r\nsubscription:1\n\nhi", Delivery("r", -1, "hi")),
    ],
    "xmpp": [
        (b'<stream:features xmlns:stream="http://etherx.jabber.org/streams"/>', EventKind.REPLY),
        (b'<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>', EventKind.REPLY),
        (xmpp("iq", 'type="result" id="bind"'), EventKind.CONNECTED),
        (xmpp("presence", 'from="r@c/ann"', STATUS), EventKind.JOINED),
        (xmpp("message", 'type="error" id="hubbub-7" from="r@c"'), EventKind.REFUSED),
        (xmpp("message", 'type="groupchat" from="r@c/ann"', "<body>hi</body>"), Delivery("r@c", "ann", "hi")),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', EventKind.UNREADABLE),
    ],
    "phoenix": [
        (b'["1","7","room:r","phx_reply",{"status":"ok"}]', EventKind.CONFIRMED),
        (b'["1","7","room:r","phx_reply",{"status":"error","response":{"reason":"no"}}]', EventKind.REFUSED),
        (b'[null,null,"room:r","new_msg",{"body":"hi"}]', Delivery(0, -1, "hi")),
    ],
    "signalr": [
        (b"{}", EventKind.CONNECTED),
        (b'{"type":3,"invocationId":"7"}', EventKind.CONFIRMED),
        (b'{"type":1,"target":"Message","arguments":["r","hi"]}', Delivery("r", -1, "hi")),
    ],
    "ddp": [
        (b'{"msg":"ping"}', EventKind.REPLY),
        (b'{"msg":"result","id":"login","result":{}}', EventKind.CONNECTED),
        (
            b'{"msg":"changed","collection":"stream-room-messages","fields":{"args":[{"msg":"hi","rid":"r"}]}}',
            Delivery("r", -1, "hi"),
        ),
    ],
    "mattermost": [
        (b'{"event":"hello"}', EventKind.CONNECTED),
        (
            b'{"event":"posted","data":{"post":"{\\"message\\":\\"hi\\",\\"user_id\\":\\"u\\"}"},"broadcast":{"channel_id":"r"}}',
            Delivery("r", "u", "hi"),
        ),
    ],
}


@cache
def contract_of(name, changes=()):
    """A contract is stateless: one will do, and its file is run once."""
    return load_contract(name, changes=dict(changes))


def dialogue_of(name, **changes):
    return GuardedDialogue(contract_of(name, tuple(changes.items())), OPENING)


def test_each_contract_is_tried_here():
    assert set(FRAMES) == set(NAMES)


@pytest.mark.parametrize(("name", "frame", "meaning"), [(name, *each) for name in FRAMES for each in FRAMES[name]])
def test_each_frame_means_what_it_says(name, frame, meaning):
    events = dialogue_of(name).receive(frame)
    assert meaning in [event if event.is_delivery else event.kind for event in events]


@pytest.mark.parametrize("name", NAMES)
def test_each_contract_makes_what_it_sends(name):
    contract, dialogue = load_contract(name), dialogue_of(name)
    assert isinstance(contract, Contract)
    assert contract.name == name
    assert dialogue.upgrade().path.startswith("/")
    room = contract.conversation_name("000000ab", 3)
    frames = [*dialogue.start(), *dialogue.enter(room), *dialogue.leave(room), *dialogue.heartbeat()]
    if contract.sends_frames:
        (message,) = dialogue.post(room, "say hi", 7)
        assert "say hi" in (message if isinstance(message, str) else message.decode("utf-8", "replace"))
    assert all(frames)
    assert contract.conversation_name("000000ac", 3) != room


@pytest.mark.parametrize("name", NAMES)
def test_no_mutated_frame_escapes(name):
    """What a frame does to one connection ends there: no exception but as an event, and no end of events."""
    randomly = random.Random(name)
    known = [frame for frame, _ in FRAMES[name]]
    for _ in range(MUTATIONS):
        dialogue = dialogue_of(name)
        for _ in range(3):
            frame = bytearray(randomly.choice(known))
            for _ in range(randomly.randint(0, 4)):
                at = randomly.randrange(len(frame) + 1)
                change = randomly.randrange(4)
                if change == 0:
                    frame[at:at] = bytes([randomly.randrange(256)])
                elif change == 1:
                    del frame[at : at + randomly.randint(1, 5)]
                elif change == 2:
                    frame[at:at] = randomly.choice(known)[: randomly.randint(1, 30)]
                elif at < len(frame):
                    frame[at] = randomly.randrange(256)
            assert len(dialogue.receive(bytes(frame))) < 1_000


ANSWER = {
    "token": "t",
    "user": {"id": 7},
    "id": 5,
    "_id": "x",
    "ticket": "k",
    "data": {"authToken": "t", "userId": "u"},
    "channel": {"_id": "c"},
    "messages": [{"id": 1, "_id": "m", "content": "hi", "text": "hi", "msg": "hi"}],
}
VALUES = (None, True, -1, 1 << 200, 1.5, float("inf"), "", "x" * 5_000, [], {}, [[]], {"id": {}}, "\u0000", "\ud800")


def mutated(value, randomly):
    """The same JSON with a few of its values, members or places exchanged."""
    if isinstance(value, dict) and randomly.random() < 0.9:
        return {key: mutated(item, randomly) for key, item in value.items() if randomly.random() < 0.9}
    if isinstance(value, list) and randomly.random() < 0.9:
        return [mutated(item, randomly) for item in value] * randomly.randint(0, 2)
    return randomly.choice(VALUES) if randomly.random() < 0.3 else value


def scripts_of(contract):
    """All that is asked over HTTP."""
    identity = Identity("t", "u", {"team": "x"})
    made = (
        contract.signup(OPENING.credentials),
        contract.login(OPENING.credentials),
        contract.create_conversation(identity, "room"),
        contract.join_conversation(identity, "room"),
        contract.leave_conversation(identity, "room"),
        contract.ticket(identity),
        contract.history(identity, "room", 10, 0),
        contract.post_message(identity, "room", "hi"),
    )
    return [script for script in made if script is not None]


@pytest.mark.parametrize("name", [name for name in NAMES if scripts_of(contract_of(name))])
def test_no_mutated_answer_escapes(name):
    """Whatever is answered over HTTP, a script returns, or raises one of our own errors."""
    randomly = random.Random(name)
    contract = contract_of(name)

    def answer(*_call):
        status = randomly.choice((200, 200, 200, 201, 204, 301, 401, 429, 500))
        body = json.dumps(mutated(ANSWER, randomly)).encode()
        if randomly.random() < 0.2:
            at = randomly.randrange(len(body) + 1)
            body = body[:at] + randomly.randbytes(3) + body[at + randomly.randint(0, 9) :]
        return status, body

    for _ in range(MUTATIONS // 5):
        for script in scripts_of(contract):
            with contextlib.suppress(HubbubError):
                perform(script, answer)


# -- streams of bytes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stream", "texts"),
    [
        ("nats", b"MSG r 1 3\r\nabc\r\nPING\r\nMSG r 1 0\r\n\r\nMSG r 1 2\r\n\xc3\xa4\r\n", ["abc", "", "ä"]),
        ("mqtt", b"\x30\x06\x00\x01rabc\xd0\x00\x30\x03\x00\x01r\x30\x05\x00\x01r\xc3\xa4", ["abc", "", "ä"]),
    ],
)
def test_messages_are_whole_however_the_stream_is_cut(name, stream, texts):
    for first in range(len(stream)):
        for second in range(first, len(stream)):
            dialogue = dialogue_of(name)
            parts = stream[:first], stream[first:second], stream[second:]
            events = [event for part in parts for event in dialogue.receive(part)]
            assert [event.content for event in events if event.is_delivery] == texts


def test_matrix_goes_on_where_the_last_answer_ended():
    contract, dialogue = load_contract("matrix"), dialogue_of("matrix")
    assert "timeout=0&" in dialogue.poll().path
    dialogue.receive(b'{"next_batch":"s 1"}')
    assert dialogue.poll().path.endswith("&since=s%201")
    assert "timeout=20007&" in dialogue.poll().path, "each connection asks for another time: answers come from a cache"
    again = contract.dialogue(dataclasses.replace(OPENING, previous=dialogue.resume(b"")))
    assert again.poll().path.endswith("&since=s%201")
    assert dialogue_of("matrix").resume(b"") is None


def said(*texts):
    return [{"sender": "@a:x", "content": {"body": text}} for text in texts]


def test_matrix_asks_for_what_it_was_not_given():
    dialogue = dialogue_of("matrix")

    def news(since, timeline):
        return json.dumps({"next_batch": since, "rooms": {"join": {"r": {"timeline": timeline}}}}).encode()

    before = news("s1", {"limited": True, "prev_batch": "p0", "events": said("old")})
    assert [each.content for each in dialogue.receive(before)] == ["old"], "what was said before it came is no gap"
    assert dialogue.receive(news("s2", {"limited": True, "prev_batch": "p1", "events": said("c", "d")})) == ()
    assert "/rooms/r/messages?dir=b&limit=1000" in dialogue.poll().path
    assert dialogue.poll().path.endswith("&from=p1&to=s1")
    events = dialogue.receive(json.dumps({"chunk": said("b", "a")}).encode())
    assert [each.content for each in events] == ["a", "b", "c", "d"], "in order, and nothing twice"
    assert dialogue.poll().path.endswith("&since=s2")


def test_matrix_says_what_it_cannot_be_given():
    dialogue = dialogue_of("matrix")
    dialogue.receive(b'{"next_batch":"s1"}')
    dialogue.receive(
        b'{"next_batch":"s2","rooms":{"join":{"r":{"timeline":{"limited":true,"prev_batch":"p","events":[]}}}}}'
    )
    events = dialogue.receive(json.dumps({"chunk": said(*map(str, range(1_000)))}).encode())
    assert [event.kind for event in events if not event.is_delivery] == [EventKind.DROPPED]


@pytest.mark.parametrize("odd", [None, 7, {"content": None}, {"content": {"body": None}}, []])
def test_one_odd_event_of_matrix_hides_no_other(odd):
    dialogue = dialogue_of("matrix")
    body = {"next_batch": "s1", "rooms": {"join": {"r": {"timeline": {"events": [odd, *said("hi")]}}}}}
    events = dialogue.receive(json.dumps(body).encode())
    assert [event.content for event in events if event.is_delivery] == ["hi"]
    assert "since=s1" in dialogue.poll().path


def test_matrix_is_ready_at_once_after_a_reconnect():
    again = load_contract("matrix").dialogue(dataclasses.replace(OPENING, previous="s1"))
    assert "timeout=0&" in again.poll().path
    assert again.poll().path.endswith("&since=s1")


def test_matrix_reads_a_history_page_by_page():
    pages = {
        "": {"chunk": [{"event_id": "$3", "content": {"body": "c"}}, {"event_id": "$x", "content": {}}], "end": "t1"},
        "&from=t1": {"chunk": [{"event_id": "$2", "content": {"body": "b"}}], "end": "t2"},
        "&from=t2": {"chunk": []},
    }

    def answer(_method, path, _headers, _body):
        return 200, json.dumps(pages["&from=" + path.partition("&from=")[2] if "&from=" in path else ""]).encode()

    script = load_contract("matrix").history(Identity("t"), "!r", 10, 1)
    assert perform(script, answer) == [("$2", "b")]


def test_mqtt_numbers_come_back_after_65535_messages():
    dialogue = dialogue_of("mqtt", qos=1)
    for number in (*range(1, 0x10000), 0x10000):
        (packet,) = dialogue.post("r", "hi", number)
        at = 2 + 2 + 1
        (event,) = dialogue.receive(b"\x40\x02" + packet[at : at + 2])
        assert (event.kind, event.number) == (EventKind.CONFIRMED, number)


def test_mqtt_answers_what_wants_an_answer():
    delivery, reply = dialogue_of("mqtt", qos=1).receive(b"\x32\x07\x00\x01r\x00\x09hi")
    assert (delivery.content, reply.frames) == ("hi", (b"\x40\x02\x00\x09",))


def test_nats_without_an_echo_is_told_in_order():
    dialogue = dialogue_of("nats", echo=False)
    dialogue.receive(b"INFO {}\r\n")
    dialogue.enter("r")
    dialogue.post("r", "one", 1)
    dialogue.post("r", "two", 2)
    events = dialogue.receive(b"+OK\r\nPONG\r\n+OK\r\nPONG\r\n+OK\r\n-ERR 'Permissions Violation'\r\n")
    assert [(event.kind, event.number) for event in events] == [
        (EventKind.CONNECTED, 0),
        (EventKind.JOINED, 0),
        (EventKind.CONFIRMED, 1),
        (EventKind.REFUSED, 2),
    ]


def test_nats_connects_once_however_often_it_is_told():
    dialogue = dialogue_of("nats")
    assert dialogue.receive(b"INFO {}\r\n")[0].kind is EventKind.REPLY
    dialogue.receive(b"PONG\r\n")
    assert dialogue.receive(b'INFO {"ldm":true}\r\n') == []


@pytest.mark.parametrize("frame", [b"PING\r\nMSG a 1 -20\r\n", b"MSG a 1 999999999\r\n", b"x" * 100_000])
def test_nats_takes_no_size_that_cannot_be(frame):
    assert dialogue_of("nats").receive(frame)[0].kind is EventKind.BROKEN


@pytest.mark.parametrize("sender", ['{"id":3}', "[1]", "1.5", "true"])
def test_a_sender_is_an_id_or_unreadable(sender):
    frame = b'42["message",{"room":"r","from":%s,"text":"hi"}]' % sender.encode()
    assert dialogue_of("socketio").receive(frame)[0].kind is EventKind.UNREADABLE
