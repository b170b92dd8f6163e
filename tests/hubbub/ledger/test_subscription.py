"""Subscriptions: what is due, received and missed around leaving, joining again and slow reading."""

import pytest

from tests.hubbub.ledger.test_paths import wire


def test_a_link_with_several_subscriptions_keeps_them_apart(bench):
    bench.ledger.add_conversation(1, 2, range(4))
    receiver, other = bench.join(0), bench.join(1)
    for member in (receiver, other):
        bench.ledger.joining(member, 1)
        bench.ledger.ready(member, 1, bench.now)
    for conversation in (0, 1, 0):
        content, _ = bench.send(receiver, conversation)
        for member in (receiver, other):
            bench.deliver(member, content, conversation=conversation)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.lost, counts.optional) == (6, 6, 0, 0)


def test_a_reopened_subscription_knows_what_was_missed(bench):
    sender, roamer = bench.join(0), bench.join(1)
    missed, _ = bench.send(sender)
    bench.deliver(sender, missed)
    bench.wait(6)
    bench.ledger.leave(roamer, 0, bench.now)
    bench.ledger.joining(roamer, 0)
    bench.ledger.ready(roamer, 0, bench.now)
    assert len(bench.ledger.conversations[0].subscriptions) == 2
    for _ in range(2):
        bench.deliver(roamer, missed)
    counts = bench.counts
    assert (counts.lost, counts.late, counts.duplicated) == (1, 1, 1)


def rejoin(bench, receiver):
    bench.ledger.leave(receiver, 0, bench.now)
    bench.wait(0.5)
    bench.ledger.joining(receiver, 0)
    bench.ledger.ready(receiver, 0, bench.now)


@pytest.mark.parametrize("rejoins", [1, 2])
@pytest.mark.parametrize("waits_s", [0, 10])
def test_what_came_before_a_leave_is_duplicated_after_the_next_join(bench, rejoins, waits_s):
    sender, roamer = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for receiver in (sender, roamer):
        bench.deliver(receiver, content)
    bench.wait(0.5)
    for _ in range(rejoins):
        rejoin(bench, roamer)
    bench.tick(waits_s)
    assert len(bench.ledger.conversations[0].log) == (0 if waits_s else 1)
    bench.deliver(roamer, content)
    assert (bench.counts.duplicated, bench.counts.optional) == (1, 0)


@pytest.mark.parametrize("waits_s", [0, 10])
def test_between_leave_and_join_a_message_is_optional_once(bench, waits_s):
    sender, roamer = bench.join(0), bench.join(1)
    for conversation_of in ("left", "left again"):
        bench.ledger.leave(roamer, 0, bench.now)
        skipped, content = (bench.send(sender, text=conversation_of)[0] for _ in range(2))
        for sent in (skipped, content):
            bench.deliver(sender, sent)
        bench.deliver(roamer, content)
        bench.wait(0.5)
        bench.ledger.joining(roamer, 0)
        bench.ledger.ready(roamer, 0, bench.now)
    bench.tick(waits_s)
    bench.deliver(roamer, skipped)
    assert (bench.counts.duplicated, bench.counts.optional) == (0, 3)
    bench.deliver(roamer, skipped)
    assert (bench.counts.duplicated, bench.counts.optional) == (1, 3)
    if not waits_s:
        bench.deliver(roamer, content)
        assert (bench.counts.duplicated, bench.counts.optional) == (2, 3)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_past_miss_is_late_where_the_new_one_expects_it(bench, is_known):
    sender, roamer = bench.join(0), bench.join(1)
    payloads = [bench.frame(bench.send(sender)[0]) for _ in range(2)]
    bench.wait(0.5)
    rejoin(bench, roamer)
    for payload in payloads:
        frame = bytearray(wire(payload))
        sender.on_message(payload, bench.now, bench.now, bytes(frame))
        if is_known:
            assert roamer.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == len(frame)
        else:
            roamer.on_message(payload, bench.now, bench.now)
        roamer.on_message(payload, bench.now, bench.now)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.excused, counts.optional) == (4, 2, 2, 0)
    assert (counts.late, counts.duplicated) == (2, 2)


def test_what_is_passed_over_by_a_late_one_is_given_up_in_its_time(bench):
    sender, roamer = bench.join(0), bench.join(1)
    old, _ = bench.send(sender)
    bench.wait(0.5)
    rejoin(bench, roamer)
    new, _ = bench.send(sender)
    for content in (new, old):
        bench.deliver(sender, content)
    bench.deliver(roamer, old)
    bench.tick(5)
    assert (bench.counts.late, bench.counts.excused, bench.counts.lost) == (1, 1, 1)


def test_every_loss_that_comes_after_all_is_late(bench):
    sender, other, _holding = (bench.join(n) for n in range(3))
    contents = [bench.send(sender)[0] for _ in range(3)]
    for content in contents:
        bench.deliver(sender, content)
    bench.deliver(other, contents[2])
    bench.tick(5)
    for content in contents[:2]:
        bench.deliver(other, content)
    assert (bench.counts.lost, bench.counts.late, bench.counts.duplicated) == (2, 2, 0)


def test_a_past_miss_seen_before_the_new_one_is_late_once(bench):
    sender, roamer = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.wait(0.5)
    bench.ledger.leave(roamer, 0, bench.now)
    bench.deliver(sender, content)
    bench.ledger.joining(roamer, 0)
    for _ in range(2):
        bench.deliver(roamer, content)
    assert (bench.counts.excused, bench.counts.late, bench.counts.duplicated) == (1, 1, 1)


@pytest.mark.parametrize("leaves", [0, 1, 2])
def test_a_message_sent_while_joining_is_optional_once(bench, leaves):
    """Also in the order of sending, after the connection has left and joined again: nothing is duplicated or late."""
    sender, other = bench.join(0), bench.join(2)
    contents = [bench.send(sender)[0]]
    joining = bench.connect(1)
    bench.ledger.joining(joining, 0)
    contents += [bench.send(sender)[0] for _ in range(2)]
    for content in contents:
        for receiver in (sender, other):
            bench.deliver(receiver, content)
    bench.wait(0.1)
    bench.ledger.ready(joining, 0, bench.now)
    bench.wait(0.1)
    for leave in range(leaves):
        bench.ledger.leave(joining, 0, bench.now)
        if leave:
            bench.ledger.joining(joining, 0)
            bench.ledger.ready(joining, 0, bench.now)
    for content in contents:
        bench.deliver(joining, content)
    counts = bench.counts
    assert (counts.optional, counts.duplicated, counts.out_of_order, counts.late) == (3, 0, 0, 0)
    for content in contents:
        bench.deliver(joining, content)
    counts = bench.finish()
    assert (counts.due, counts.optional, counts.duplicated) == (6, 3, 3)


def test_what_was_overtaken_while_away_is_optional_and_out_of_order(bench):
    sender, roamer, _holding = bench.join(0), bench.join(1), bench.join(2)
    bench.ledger.leave(roamer, 0, bench.now)
    first, second = (bench.send(sender)[0] for _ in range(2))
    for content in (first, second):
        bench.deliver(sender, content)
    bench.deliver(roamer, second)
    bench.tick(7)
    bench.ledger.joining(roamer, 0)
    bench.ledger.ready(roamer, 0, bench.now)
    bench.deliver(roamer, first)
    counts = bench.counts
    assert (counts.optional, counts.duplicated, counts.out_of_order) == (2, 0, 1)


def test_a_subscription_that_has_ended_holds_no_log(bench):
    sender, roamer = bench.join(0), bench.join(1)
    bench.wait(1)
    bench.ledger.leave(roamer, 0, bench.now)
    contents = [bench.send(sender)[0] for _ in range(3)]
    for content in contents:
        bench.deliver(sender, content)
    bench.deliver(roamer, contents[1])
    bench.tick(3)
    subscription = roamer.subscription
    assert not subscription.is_open
    assert (
        bench.ledger.conversations[0].log.messages,
        subscription.cursor,
        subscription.gaps,
        subscription.written_off,
    ) == (
        [],
        0,
        {},
        {},
    )
    bench.deliver(roamer, contents[0])
    assert (bench.counts.optional, bench.counts.duplicated) == (2, 0)


def test_past_subscriptions_are_kept_for_ten_minutes(bench):
    bench.join(0)
    roamer = bench.join(1)
    for _ in range(700):
        bench.ledger.leave(roamer, 0, bench.now)
        bench.tick(1)
        bench.ledger.joining(roamer, 0)
        bench.ledger.ready(roamer, 0, bench.now)
        bench.wait(1)
    assert len(roamer.subscription.past) == 301
    assert len(bench.ledger.conversations[0].subscriptions) == 2


@pytest.mark.parametrize("rejoins", [True, False])
def test_without_an_echo_a_sender_that_left_is_not_due_its_own(make_bench, rejoins):
    bench = make_bench(contract="minimal")
    sender, _other = bench.join(0), bench.join(1)
    _, message = bench.send(sender)
    bench.wait(0.5)
    bench.ledger.leave(sender, 0, bench.now)
    if rejoins:
        bench.ledger.joining(sender, 0)
        bench.ledger.ready(sender, 0, bench.now)
    bench.ledger.confirm(sender, message.number)
    counts = bench.finish()
    assert (counts.due, counts.lost, counts.excused) == (1, 1, 0)


def test_what_is_late_by_our_own_doing_is_counted_and_not_timed(bench):
    sender, other, slow = (bench.join(n) for n in range(3))
    slow.stop_timing("it reads slowly")
    payloads = [bench.frame(bench.send(sender)[0]) for _ in range(2)]
    bench.wait(0.1)
    for payload in payloads:
        for receiver in (sender, other):
            receiver.on_message(payload, bench.now, bench.now, wire(payload))
    bench.wait(9)
    payload = payloads[0]
    frame = bytearray(wire(payload))
    assert slow.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == 0
    slow.on_message(payload, bench.now, bench.now, bytes(frame))
    rejoin(bench, slow)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.lost) == (6, 5, 1)
    timings = bench.ledger.timings
    for name, count in (("response", 4), ("delivery", 4), ("room_complete", 2)):
        series = getattr(timings, name)
        assert (series.count, series.max_us, series.censored) == (count, 100_000, {})
    (finding,) = bench.ledger.findings.kept
    assert (finding.kind, finding.explanation) == ("lost", "it reads slowly")


def test_an_untimed_connection_stays_untimed(bench):
    sender, slow = bench.join(0), bench.join(1)
    slow.stop_timing("it reads slowly")
    rejoin(bench, slow)
    assert not slow.subscription.is_plain
    content, _ = bench.send(sender)
    bench.tick(6)
    bench.ledger.close(slow, bench.now)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.lost) == (2, 1, 1)
    assert bench.ledger.timings.response.censored == {}
    (finding,) = bench.ledger.findings.kept
    assert (finding.kind, finding.conversation, finding.sender, finding.number) == ("lost", 0, sender.producer.id, 1)


def test_old_and_forgotten_duplicates_are_named(bench):
    sender = bench.join(0)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    joined = bench.join(1)
    for _ in range(2):
        bench.deliver(joined, content)
    bench.tick(3)
    assert not bench.ledger.conversations[0].log
    for receiver in (joined, sender):
        bench.deliver(receiver, content)
    found = bench.ledger.findings.kept
    assert [(finding.kind, finding.conversation, finding.number) for finding in found] == [("duplicated", 0, 1)] * 3
    assert [finding.receiver for finding in found] == [joined.producer.id] * 2 + [sender.producer.id]


def test_what_was_missed_stays_missed(bench):
    sender, roamer = bench.join(0), bench.join(1)
    bench.wait(0.5)
    early, late = (bench.send(sender)[0] for _ in range(2))
    bench.wait(0.5)
    rejoin(bench, roamer)
    bench.deliver(sender, early)
    bench.tick(3)
    assert roamer.subscription.written_off == {sender.producer.id << 32 | 1: True}
    bench.deliver(sender, late)
    bench.tick(61)
    assert not bench.ledger.conversations[0].log
    rejoin(bench, roamer)
    for content in (early, late):
        bench.deliver(roamer, content)
    counts = bench.counts
    assert (counts.excused, counts.late, counts.duplicated, counts.optional) == (2, 2, 0, 0)


def test_what_was_not_due_is_forgotten_with_the_log(bench):
    sender, roamer = bench.join(0), bench.join(1)
    bench.ledger.leave(roamer, 0, bench.now)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.ledger.joining(roamer, 0)
    assert list(roamer.subscription.written_off.values()) == [False]
    bench.ledger.ready(roamer, 0, bench.now + 1)
    bench.tick(3)
    rejoin(bench, roamer)
    assert roamer.subscription.written_off == {}
    bench.deliver(roamer, content)
    assert (bench.counts.optional, bench.counts.duplicated) == (1, 0)


def test_a_forgotten_message_that_was_missed_has_overtaken_nothing(bench):
    sender, other = bench.join(0), bench.join(1)
    first, second = (bench.send(sender)[0] for _ in range(2))
    bench.deliver(sender, second)
    bench.tick(64)
    assert not bench.ledger.conversations[0].log
    for receiver in (sender, other):
        bench.deliver(receiver, first)
    counts = bench.counts
    assert (counts.lost, counts.out_of_order, counts.delivered) == (1, 1, 3)


def test_a_message_is_overtaken_by_one_after_a_missed_one(bench):
    sender, other = bench.join(0), bench.join(1)
    first, second = (bench.send(sender)[0] for _ in range(2))
    bench.deliver(sender, second)
    bench.tick(64)
    third, _ = bench.send(sender)
    bench.deliver(other, third)
    bench.deliver(other, first)
    assert bench.counts.out_of_order == 1


def test_a_silent_subscription_does_not_grow(bench):
    sender, stray = bench.join(0), bench.connect(1)
    for _ in range(200):
        content, _ = bench.send(sender)
        bench.deliver(sender, content)
        if stray.subscription is None:
            bench.deliver(stray, content)
        bench.tick(1)
    assert len(stray.subscription.written_off) < 70


def test_a_vanished_message_is_due_once_where_one_left(bench):
    sender, roamer = bench.join(0), bench.join(1)
    bench.send(sender)
    bench.wait(1)
    bench.ledger.leave(roamer, 0, bench.now)
    bench.tick(660)
    counts = bench.finish()
    assert (counts.vanished, counts.due, counts.lost) == (1, 1, 1)


@pytest.mark.parametrize("ends", ["leave", "close"])
def test_nothing_comes_next_at_a_subscription_that_has_ended(bench, ends):
    sender, gone = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for receiver in (gone, gone, sender, sender):
        bench.deliver(receiver, content)
    if ends == "leave":
        bench.ledger.leave(gone, 0, bench.now)
    else:
        bench.ledger.close(gone, bench.now)
    following, _ = bench.send(sender)
    bench.deliver(sender, following)
    for _ in range(4):
        bench.tick(1)
    bench.finish()
    found = [(finding.kind, finding.before, finding.after) for finding in bench.ledger.findings.kept]
    assert found == [("duplicated", "1:1", ""), ("duplicated", "1:1", "1:2")]


def test_what_comes_next_may_follow_a_forgotten_message(bench):
    sender, other = bench.join(0), bench.join(1)
    contents = [bench.send(sender)[0] for _ in range(2)]
    bench.deliver(other, contents[0])
    bench.deliver(other, contents[0])
    for content in contents:
        bench.deliver(sender, content)
    bench.tick(61)
    bench.tick(1)
    assert not bench.ledger.conversations[0].log
    content, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, content)
    bench.tick(1)
    duplicated = bench.ledger.findings.kept[0]
    assert (duplicated.kind, duplicated.after) == ("duplicated", "1:3")


def test_what_comes_next_is_what_came_not_what_was_given_up(bench):
    sender, other = bench.join(0), bench.join(1)
    contents = [bench.send(sender)[0] for _ in range(3)]
    for content in contents:
        bench.deliver(sender, content)
    for content in (contents[0], contents[0], contents[2]):
        bench.deliver(other, content)
    bench.tick(1)
    duplicated = bench.ledger.findings.kept[0]
    assert (duplicated.kind, duplicated.after) == ("duplicated", "1:3")


def test_the_right_ready_time_ends_with_a_subscription(bench):
    sender = bench.join(0)
    bench.wait(1)
    second = bench.join(1)
    bench.wait(1)
    third = bench.join(2)
    bench.wait(1)
    bench.ledger.close(third, bench.now)
    content, _ = bench.send(sender, lag_us=1_500_000)
    for receiver in (sender, second):
        bench.deliver(receiver, content)
    assert bench.finish().due == 2


@pytest.mark.parametrize("comes", [True, False])
def test_a_message_across_a_leave_is_decided_once(bench, comes):
    sender, leaver = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.wait(0.5)
    bench.ledger.leave(leaver, 0, bench.now)
    payload = bench.frame(content)
    sender.on_message(payload, bench.now, bench.now, wire(payload))
    if comes:
        frame = bytearray(wire(payload))
        assert leaver.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == 0
        leaver.on_message(payload, bench.now, bench.now, bytes(frame))
    bench.tick(70)
    bench.ledger.close(leaver, bench.now)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.excused, counts.lost, counts.late) == (2, 1, 1, 0, comes)


def test_a_closed_subscription_is_due_earlier_messages(bench):
    sender, ended = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.tick(1)
    bench.ledger.close(ended, bench.now)
    bench.tick(1)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.due, counts.excused) == (2, 1)


def test_a_subscription_that_ended_ten_minutes_ago_is_forgotten(bench):
    bench.ledger.close(bench.join(0), bench.now)
    bench.tick(600)
    assert len(bench.ledger.conversations[0]._closed) == 1
    bench.tick(0.000001)
    assert not bench.ledger.conversations[0]._closed


def test_without_an_echo_an_unready_sender_changes_nothing(make_bench):
    bench = make_bench(contract="minimal")
    bench.join(1)
    bench.wait(1)
    sender = bench.join(0)
    _, message = bench.send(sender, lag_us=500_000)
    bench.ledger.confirm(sender, message.number)
    assert bench.counts.due == 1
