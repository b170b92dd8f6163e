"""Frames that nothing is made of are counted by type, within bounds."""

import json

from hubbub.ledger.frame_types import MAX_TYPES, OTHERS, FrameType, FrameTypes
from tests.hubbub.ledger.conftest import Bench


def test_types_are_counted_with_those_that_carry_a_tag():
    types = FrameTypes()
    types.take("presence", False)
    types.take("room_message", True)
    types.take("room_message", True)
    types.take("room_message", False)
    assert types.types == {"presence": FrameType(1, 0), "room_message": FrameType(3, 2)}
    assert types.tagged() == [("room_message", 2)]


def test_there_are_not_too_many_types():
    types = FrameTypes()
    for number in range(2 * MAX_TYPES):
        types.take(f"type {number}", False)
    assert len(types.types) == MAX_TYPES + 1
    assert types.types[OTHERS].count == MAX_TYPES


def test_a_type_is_one_line_that_can_be_printed():
    types = FrameTypes()
    types.take("\x1b[2J\nVerdict: PASS" + "x" * 1_000, True)
    ((name, _),) = types.tagged()
    assert name.startswith("?[2J?Verdict: PASSxxx")
    assert len(name) == 40


def test_those_of_workers_add_up():
    one, two = FrameTypes(), FrameTypes()
    one.take("a", True)
    two.take("a", False)
    two.take("b", False)
    one.merge(two)
    assert one.types == {"a": FrameType(2, 1), "b": FrameType(1, 0)}


def test_a_message_in_an_unknown_frame_is_not_surely_lost():
    bench = Bench()
    sender, other, third = (bench.join(account) for account in range(3))
    content, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, content, kind="room_message")
    bench.wait(10)
    counts = bench.finish()
    assert (counts.confirmed, counts.vanished, counts.lost, counts.lost_unproven) == (1, 0, 3, 2)
    assert bench.ledger.frame_types.types == {"room_message": FrameType(2, 2)}
    assert third.connection.id not in (sender.connection.id, other.connection.id)


def test_a_second_copy_of_another_type_changes_nothing():
    bench = Bench()
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, content)
        bench.deliver(receiver, content, kind="room_message")
    counts = bench.finish()
    assert (counts.delivered, counts.lost, counts.duplicated) == (2, 0, 0)


def test_a_tag_of_another_run_is_none_of_ours():
    bench, stranger = Bench(), Bench()
    stranger.ledger.run = 5
    content, _ = stranger.send(stranger.join())
    bench.deliver(bench.join(), content, kind="room_message")
    bench.join().on_message(json.dumps({"type": "x", "text": "~hb" + "0" * 66}).encode(), bench.now, bench.now)
    assert bench.ledger.frame_types.tagged() == []


def test_a_broken_delivery_is_no_question_of_the_contract():
    bench = Bench()
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    other.on_message(json.dumps({"type": "message", "payload": {"content": content}}).encode(), bench.now, bench.now)
    bench.wait(10)
    counts = bench.finish()
    assert (counts.lost, counts.lost_unproven) == (1, 0)
    assert bench.ledger.frame_types.types == {"unreadable": FrameType(1, 1)}
    assert bench.ledger.frame_types.tagged() == []
