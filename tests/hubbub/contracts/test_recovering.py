"""Contracts of TOML whose frames remember things, bring lists, and recover what a lost connection missed."""

import tomllib

import pytest

from hubbub.contracts import Credentials, Delivery, EventKind, Identity, Opening, load_contract
from hubbub.contracts.declarative import FIRST_JOIN, Declarative
from hubbub.errors import ConfigError

BASE = """
[open]
path = "/"
send = "hello"

[join]
send = "join $room"

[message]
send = "$content"
"""
TEXT = (
    BASE
    + """
[recover]
within = "30s"
open = "hello again, after $place"
join = "join $room from $place"

[[when]]
starts = "list"
json_from = 4
each = "items"
means = "delivery"
text = "text"
remember = {place = "at"}
also = true

[[when]]
has = "at"
means = "confirmed"
remember = {place = "at"}

[[when]]
starts = "list"
means = "joined"

[[when]]
knows = "place"
is = "who?"
reply = "the one at $place"

[[when]]
is = "who?"
reply = "a new one"
"""
)


def dialogue(text=TEXT, previous=None):
    contract = Declarative("mine", tomllib.loads(text))
    return contract.dialogue(Opening(Credentials("a@x.y"), Identity("t"), "", 1, "r", previous))


def test_each_part_of_a_list_is_a_delivery():
    one = dialogue()
    one.enter("r")
    events = one.receive(b'list{"items":[{"text":"a","at":4},{"text":"b","at":5}]}')
    assert events[:2] == [Delivery(0, -1, "a"), Delivery(0, -1, "b")]
    assert [each.kind for each in events[2:]] == [EventKind.JOINED]
    assert one.resume(b"") == {"place": 5}


def test_an_empty_list_and_what_is_none():
    one = dialogue()
    assert [each.kind for each in one.receive(b'list{"items":[]}')] == [EventKind.JOINED]
    (event,) = one.receive(b'list{"items":3}')
    assert event.kind is EventKind.UNREADABLE
    assert "expected a list at 'items'" in event.text


def test_a_part_that_cannot_be_read_hides_none_before_it():
    delivery, broken = dialogue().receive(b'list{"items":[{"text":"a"},{"text":7}]}')
    assert delivery == Delivery(0, -1, "a")
    assert broken.kind is EventKind.UNREADABLE


def test_the_next_connection_says_where_the_last_one_was():
    first = dialogue()
    assert list(first.start()) == ["hello"]
    assert list(first.enter("r")) == ["join r"]
    assert first.resume(b"") is None
    first.receive(b'{"at":3}')
    left = first.resume(b'{"at":7}')
    assert left == {"place": 7}
    second = dialogue(previous=left)
    assert list(second.start()) == ["hello again, after 7"]
    assert list(second.enter("r")) == ["join r from 7"]
    assert second.resume(b"") == left, "what nothing new came for"


def test_an_answer_may_depend_on_what_is_known():
    assert list(dialogue().receive(b"who?")[1].frames) == ["a new one"]
    assert list(dialogue(previous={"place": 9}).receive(b"who?")[1].frames) == ["the one at 9"]


SAME = TEXT.replace('join = "join $room from $place"', 'same = "place"')


@pytest.mark.parametrize(("at", "joins"), [(7, []), (8, ["join r"])])
def test_only_what_comes_back_the_same_needs_no_join(at, joins):
    one = dialogue(SAME, {"place": 7})
    one.receive(b'{"at":%d}' % at)
    assert list(one.enter("r")) == joins


def test_a_join_that_has_answers_is_numbered_as_ever():
    one = dialogue(previous={"place": 1})
    one.enter("r")
    assert one._joins == {FIRST_JOIN: "r"}


@pytest.mark.parametrize(
    ("recover", "why"),
    [
        ('open = "x $place"', r"\[recover\] needs within"),
        ('within = "soon"\nopen = "x $place"', "recover.within"),
        ('within = "1m"', r"must use something that a \[\[when\]\] remembers.*they remember place"),
        ('within = "1m"\nopen = "$email"', "must use something"),
        ('within = "1m"\nopen = "$place"\nsame = "pid"', "recover.same is 'pid'"),
        ('within = "1m"\nopen = "$pid"', "must use something"),
        ('within = "1m"\nopen = "$place"\nleave = "x"', "has no key 'leave'"),
    ],
)
def test_a_recovery_that_cannot_be_is_one_sentence(tmp_path, recover, why):
    path = tmp_path / "c.toml"
    path.write_text(f'{BASE}\n[recover]\n{recover}\n[[when]]\nis = "x"\nremember = {{place = "at"}}\n')
    with pytest.raises(ConfigError, match=why):
        load_contract(str(path))


def test_a_variable_that_nothing_remembers_is_named():
    contract = Declarative("mine", tomllib.loads(TEXT.replace("hello again", "hello $nick")))
    with pytest.raises(ConfigError, match=r"\[recover\] has \$nick"):
        contract.check_variables(())


def test_deliveries_of_a_list_are_never_taken_by_their_start_alone():
    assert Declarative("mine", tomllib.loads(TEXT)).delivery_prefix == ()


def test_socketio_goes_on_where_the_last_connection_ended():
    contract = load_contract("socketio")
    opening = Opening(Credentials("a@x.y"), Identity("t"), "", 1, "r")
    first = contract.dialogue(opening)
    first.receive(b'40{"sid":"s","pid":"p1"}')
    left = first.resume(b'42["message",{"room":"r","from":"a","text":"hi"},"o7"]')
    assert left == {"pid": "p1", "offset": "o7"}
    second = contract.dialogue(Opening(Credentials("a@x.y"), Identity("t"), "", 1, "r", left))
    (_, reply) = second.receive(b'0{"sid":"x"}')
    assert list(reply.frames) == ['40{"pid":"p1","offset":"o7","email":"a@x.y","token":"t"}']
    second.receive(b'40{"sid":"s2","pid":"p1"}')
    assert list(second.enter("r")) == []


def test_centrifugo_asks_for_what_came_after_its_offset():
    contract = load_contract("centrifugo")
    first = contract.dialogue(Opening(Credentials("a@x.y"), Identity("t"), "", 1, "r"))
    first.enter("r")
    first.receive(b'{"id":%d,"subscribe":{"recoverable":true,"epoch":"e","positioned":true}}' % FIRST_JOIN)
    assert first.resume(b"") == {"epoch": "e", "offset": 0}, "an offset of 0 is left out on the wire"
    left = first.resume(b'{"push":{"channel":"r","pub":{"data":{"text":"hi"},"offset":4}}}')
    second = contract.dialogue(Opening(Credentials("a@x.y"), Identity("t"), "", 1, "r", left))
    (frame,) = second.enter("r")
    assert '"recover":true,"epoch":"e","offset":4' in frame
    events = second.receive(
        b'{"id":%d,"subscribe":{"recovered":true,"epoch":"e","publications":[{"data":{"text":"a"},"offset":5}],'
        b'"offset":5}}' % FIRST_JOIN
    )
    assert [type(each).__name__ for each in events] == ["Delivery", "Event"]
    assert events[1].kind is EventKind.JOINED


def test_a_room_that_is_no_longer_kept_makes_no_claim():
    one = load_contract("centrifugo").dialogue(Opening(Credentials("a@x.y"), Identity("t"), "", 1, "r"))
    one.receive(b'{"id":7,"subscribe":{"recoverable":true,"epoch":"e","offset":57}}')
    assert one.resume(b"") == {"epoch": "e", "offset": 57}
    one.receive(b'{"id":8,"subscribe":{"recoverable":true,"epoch":"f"}}')
    assert one.resume(b"") == {"epoch": "f", "offset": 0}, "another epoch begins anew"
    one.receive(b'{"id":9,"subscribe":{}}')
    assert one.resume(b"") is None


def test_nothing_that_came_back_is_not_the_same():
    one = load_contract("socketio").dialogue(
        Opening(Credentials("a@x.y"), Identity("t"), "", 1, "r", {"pid": "p", "offset": "o"})
    )
    one.receive(b'40{"sid":"z"}')
    assert list(one.enter("r")) != [], "a server that recovers nothing gives no pid"


def test_what_is_remembered_is_bounded():
    one = dialogue()
    one.receive(b'{"at":"%s"}' % (b"x" * 5_000))
    one.receive(b'{"at":[1]}')
    assert one.resume(b"") is None
    (event,) = one.receive(b'list{"items":[%s]}' % b",".join([b"1"] * 10_001))
    assert event.kind is EventKind.UNREADABLE
    assert "at most 10000" in event.text


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ('is = "x"\nremember = {room = "at"}', r"remember cannot change \$room"),
        ('is = "x"\nknows = "piid"', "knows is 'piid', and the rules of .* remember nothing"),
    ],
)
def test_a_memory_that_cannot_be_is_one_sentence(rule, why):
    with pytest.raises(ConfigError, match=why):
        Declarative("mine", tomllib.loads(f"{BASE}[[when]]\n{rule}\n"))


DELIVERY = 'starts = "m"\nmeans = "delivery"\ntext = "t"\n'


@pytest.mark.parametrize(
    ("rules", "has_to"),
    [
        (DELIVERY, False),
        (DELIVERY + 'reply = "a"\n', True),
        (DELIVERY + 'also = true\n[[when]]\nhas = "x"\nreply = "a"\n', True),
        (
            'starts = "m"\nmeans = "delivery"\ntext = "t"\nremember = {s = "s"}\n[[when]]\nis = "p"\nreply = "$s"\n',
            True,
        ),
        (DELIVERY + 'remember = {s = "s"}\n', False),
    ],
)
def test_what_is_answered_or_used_is_looked_at_each_time(rules, has_to):
    assert Declarative("mine", tomllib.loads(f"{BASE}[[when]]\n{rules}")).answers_deliveries is has_to
