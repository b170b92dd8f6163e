"""Exact limits, things that happen twice, and what is left after the log was trimmed."""

import pytest

from hubbub.ledger import Ledger, decode_tag, encode_tag
from hubbub.ledger.tag import crc32, message_key
from tests.hubbub.ledger.test_paths import wire


def tick(bench, seconds):
    bench.sleep(seconds)
    bench.ledger.tick(bench.now)


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "lost"), [(4.999, 0), (5, 1)])
def test_a_hole_is_lost_after_exactly_five_seconds(bench, seconds, lost):
    sender, other = bench.join(0), bench.join(1)
    missed, _ = bench.send(sender)
    bench.deliver(sender, missed)
    content, _ = bench.send(sender)
    for link in (sender, other):
        bench.deliver(link, content)
    tick(bench, seconds)
    assert bench.counts.lost == lost


@pytest.mark.parametrize(("seconds", "lost"), [(59.999, 0), (60, 2)])
def test_what_nothing_overtook_is_lost_after_exactly_sixty(bench, seconds, lost):
    sender, _ = bench.join(0), bench.join(1)
    for _ in range(2):
        content, _ = bench.send(sender)
        bench.deliver(sender, content)
    tick(bench, seconds)
    assert bench.counts.lost == lost


@pytest.mark.parametrize(("seconds", "excused"), [(4.999, 2), (5, 0)])
@pytest.mark.parametrize("is_seen_first", [True, False])
def test_a_receiver_that_stays_exactly_five_seconds_was_there_long_enough(bench, seconds, excused, is_seen_first):
    sender, *leavers = (bench.join(n) for n in range(3))
    content, _ = bench.send(sender)
    if is_seen_first:
        bench.deliver(sender, content)
    bench.sleep(seconds)
    for leaver in leavers:
        bench.ledger.close(leaver, bench.now)
    if not is_seen_first:
        bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.due, counts.excused, counts.lost) == (3, excused, 2 - excused)
    room_complete = bench.ledger.timings.room_complete
    assert room_complete.count == 1
    assert bool(room_complete.censored) == (not excused)
    if not excused:
        assert all(finding.at_us == bench.now for finding in bench.ledger.findings.kept)
        assert {finding.account for finding in bench.ledger.findings.kept} == {1, 2}


def test_a_message_intended_at_the_end_of_the_warm_up_is_timed(bench):
    link = bench.join()
    bench.ledger.skip_warmup(bench.now)
    content, _ = bench.send(link)
    bench.deliver(link, content)
    assert bench.ledger.timings.response.count == 1


def test_a_message_is_remembered_for_two_seconds(bench):
    link = bench.join()
    content, _ = bench.send(link)
    bench.deliver(link, content)
    log = bench.ledger.conversations[0].log
    tick(bench, 2)
    assert len(log) == 1
    tick(bench, 0.001)
    assert len(log) == 0


# -- twice -------------------------------------------------------------------------------------------------------------


def test_each_class_counts_every_one(make_bench):
    bench = make_bench(conversations=2, accounts=2)
    sender, stranger = bench.join(0, 0), bench.join(1, 1)
    contents = [bench.send(sender)[0] for _ in range(2)]
    other_run = make_bench()
    other_run.ledger.run = 7
    alien, _ = other_run.send(other_run.join())
    for content in contents:
        bench.sleep(0.5)
        bench.deliver(stranger, content)
        bench.deliver(sender, content[:5] + "!" + content[6:])
        bench.deliver(sender, alien)
        bench.deliver(sender, "good morning", account=900)
    counts = bench.counts
    assert (counts.leaked, counts.corrupt, counts.foreign) == (2, 2, 4)
    assert [finding.at_us for finding in bench.ledger.findings.kept][-2:] == [bench.now, bench.now]


def test_a_message_of_a_conversation_on_another_worker_is_leaked(bench):
    link = bench.join()
    content = encode_tag(bench.ledger.run, 9, 1 << 24, 1, bench.now, 0, "text") + "text"
    bench.deliver(link, content)
    assert bench.counts.leaked == 1


def test_leaving_and_closing_at_once_ends_a_seat_once(bench):
    sender, leaver = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.sleep(1)
    bench.ledger.leave(leaver, 0, bench.now)
    bench.ledger.close(leaver, bench.now)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.due, counts.excused) == (2, 1)


def test_surplus_refusals_add_up(bench):
    link = bench.join()
    for _ in range(2):
        content, _ = bench.send(link)
        assert bench.ledger.refuse(link, is_rate_limit=True)
        bench.deliver(link, content)
    assert bench.ledger.surplus_refusals == 2


def test_a_late_copy_is_late_once(bench):
    sender, other = bench.join(0), bench.join(1)
    missed, _ = bench.send(sender)
    bench.deliver(sender, missed)
    content, _ = bench.send(sender)
    for link in (sender, other):
        bench.deliver(link, content)
    bench.sleep(5)
    keeper = bench.join(2)
    later, _ = bench.send(sender)
    bench.deliver(sender, later)
    bench.ledger.tick(bench.now)
    assert bench.counts.lost == 1
    for _ in range(3):
        bench.deliver(other, missed)
    assert (bench.counts.late, bench.counts.duplicated) == (1, 2)
    assert keeper.seat.missing()


def test_late_copies_add_up(bench):
    sender, other = bench.join(0), bench.join(1)
    missed = [bench.send(sender)[0] for _ in range(3)]
    for content in missed:
        bench.deliver(sender, content)
    following, _ = bench.send(sender)
    for link in (sender, other):
        bench.deliver(link, following)
    tick(bench, 5)
    for content in missed:
        bench.deliver(other, content)
    assert (bench.counts.lost, bench.counts.late) == (3, 3)


def test_what_nobody_saw_and_comes_after_the_end_is_late_every_time(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.ledger.refuse(sender, is_rate_limit=False)
    assert bench.finish().refused == 1
    for link in (sender, other):
        bench.deliver(link, content)
    assert (bench.counts.late, bench.counts.confirmed) == (2, 0)


def test_nothing_is_known_any_more_after_the_end(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    payload = bench.frame(content)
    sender.on_message(payload, bench.now, wire(payload))
    bench.finish()
    frame = bytearray(wire(payload))
    assert other.take_known(frame, 0, len(frame), bench.now) == 0
    other.on_message(payload, bench.now, bytes(frame))
    assert bench.counts.late == 1


# -- order -------------------------------------------------------------------------------------------------------------


def test_the_highest_forgotten_number_decides(bench):
    sender, other, held = bench.join(0), bench.join(1), bench.join(2)
    one, two, three = (bench.send(sender)[0] for _ in range(3))
    for content in (three, one, two):
        for link in (sender, other) if content == two else (sender, other, held):
            bench.deliver(link, content)
    before = bench.counts.out_of_order
    tick(bench, 4)
    assert set(sender.sender.messages) == {2}
    bench.deliver(held, two)
    assert bench.counts.out_of_order == before + 1


def test_a_forgotten_message_that_a_seat_was_not_due_does_not_overtake(bench):
    sender, other = bench.join(0), bench.join(1)
    early, _ = bench.send(sender)
    later, _ = bench.send(sender)
    for link in (sender, other):
        bench.deliver(link, later)
    tick(bench, 4)
    late_comer = bench.join(2)
    bench.deliver(late_comer, early)
    assert bench.counts.out_of_order == 0
    assert bench.counts.optional == 1


@pytest.mark.parametrize(("order", "found"), [((0, 1), 0), ((1, 0), 1)])
def test_order_is_judged_also_for_messages_older_than_the_seat(bench, order, found):
    sender = bench.join(0)
    contents = [bench.send(sender)[0] for _ in range(2)]
    for content in contents:
        bench.deliver(sender, content)
    late_comer = bench.join(1)
    bench.sleep(0.5)
    for index in order:
        bench.deliver(late_comer, contents[index])
    bench.deliver(late_comer, contents[0])
    counts = bench.counts
    assert (counts.out_of_order, counts.duplicated) == (found, 1)
    assert all(finding.at_us == bench.now for finding in bench.ledger.findings.kept)


def test_an_overtaken_message_is_always_looked_at(bench):
    sender, other = bench.join(0), bench.join(1)
    early, _ = bench.send(sender)
    later, _ = bench.send(sender)
    for content in (later, early):
        payload = bench.frame(content)
        sender.on_message(payload, bench.now, wire(payload))
    buffer = bytearray(wire(bench.frame(later)) + wire(bench.frame(early)))
    at = other.take_known(buffer, 0, len(buffer), bench.now)
    assert at == len(wire(bench.frame(later)))
    assert other.take_known(buffer, at, len(buffer), bench.now) == at


def test_the_first_receivers_frame_is_the_one_that_is_remembered(bench):
    first, second, third = (bench.join(n) for n in range(3))
    content, message = bench.send(first)
    payload = bench.frame(content)
    first.on_message(payload, bench.now, wire(payload))
    other_payload = payload[:-1] + b',"for":2}'
    second.on_message(other_payload, bench.now, wire(other_payload))
    for _ in range(64):
        if second.seat.cursor == 0:
            second.on_message(other_payload, bench.now, wire(other_payload))
    assert message.frame == wire(payload)
    frame = bytearray(wire(payload))
    assert third.take_known(frame, 0, len(frame), bench.now) == len(frame)


# -- seats -------------------------------------------------------------------------------------------------------------


def test_a_link_with_several_seats_keeps_them_apart(bench):
    bench.ledger.add_conversation(1, 2, range(4))
    link, other = bench.join(0), bench.join(1)
    for member in (link, other):
        bench.ledger.joining(member, 1)
        bench.ledger.ready(member, 1, bench.now)
    for conversation in (0, 1, 0):
        content, _ = bench.send(link, conversation)
        for member in (link, other):
            bench.deliver(member, content, conversation=conversation)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.lost, counts.optional) == (6, 6, 0, 0)


def test_a_seat_that_is_opened_again_remembers_what_the_first_one_missed(bench):
    sender, roamer = bench.join(0), bench.join(1)
    missed, _ = bench.send(sender)
    bench.deliver(sender, missed)
    bench.sleep(6)
    bench.ledger.leave(roamer, 0, bench.now)
    bench.ledger.joining(roamer, 0)
    bench.ledger.ready(roamer, 0, bench.now)
    assert len(bench.ledger.conversations[0].seats) == 2
    for _ in range(2):
        bench.deliver(roamer, missed)
    counts = bench.counts
    assert (counts.lost, counts.late, counts.duplicated) == (1, 1, 1)


def rejoin(bench, link):
    bench.ledger.leave(link, 0, bench.now)
    bench.sleep(0.5)
    bench.ledger.joining(link, 0)
    bench.ledger.ready(link, 0, bench.now)


@pytest.mark.parametrize("rejoins", [1, 2])
@pytest.mark.parametrize("waits_s", [0, 10])
def test_what_came_before_a_leave_is_duplicated_after_the_next_join(bench, rejoins, waits_s):
    sender, roamer = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for link in (sender, roamer):
        bench.deliver(link, content)
    bench.sleep(0.5)
    for _ in range(rejoins):
        rejoin(bench, roamer)
    tick(bench, waits_s)
    assert len(bench.ledger.conversations[0].log) == (0 if waits_s else 1)
    bench.deliver(roamer, content)
    assert (bench.counts.duplicated, bench.counts.optional) == (1, 0)


@pytest.mark.parametrize("waits_s", [0, 10])
def test_what_was_meant_between_a_leave_and_the_next_join_is_optional_once(bench, waits_s):
    sender, roamer = bench.join(0), bench.join(1)
    for conversation_of in ("left", "left again"):
        bench.ledger.leave(roamer, 0, bench.now)
        skipped, content = (bench.send(sender, text=conversation_of)[0] for _ in range(2))
        for sent in (skipped, content):
            bench.deliver(sender, sent)
        bench.deliver(roamer, content)
        bench.sleep(0.5)
        bench.ledger.joining(roamer, 0)
        bench.ledger.ready(roamer, 0, bench.now)
    tick(bench, waits_s)
    bench.deliver(roamer, skipped)
    assert (bench.counts.duplicated, bench.counts.optional) == (0, 3)
    bench.deliver(roamer, skipped)
    assert (bench.counts.duplicated, bench.counts.optional) == (1, 3)
    if not waits_s:
        bench.deliver(roamer, content)
        assert (bench.counts.duplicated, bench.counts.optional) == (2, 3)


@pytest.mark.parametrize("is_known", [True, False])
def test_what_an_earlier_seat_missed_is_late_also_where_the_new_one_expects_it(bench, is_known):
    sender, roamer = bench.join(0), bench.join(1)
    payloads = [bench.frame(bench.send(sender)[0]) for _ in range(2)]
    bench.sleep(0.5)
    rejoin(bench, roamer)
    for payload in payloads:
        frame = bytearray(wire(payload))
        sender.on_message(payload, bench.now, bytes(frame))
        if is_known:
            assert roamer.take_known(frame, 0, len(frame), bench.now) == len(frame)
        else:
            roamer.on_message(payload, bench.now)
        roamer.on_message(payload, bench.now)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.excused, counts.optional) == (4, 2, 2, 0)
    assert (counts.late, counts.duplicated) == (2, 2)


def test_what_is_passed_over_by_a_late_one_is_given_up_in_its_time(bench):
    sender, roamer = bench.join(0), bench.join(1)
    old, _ = bench.send(sender)
    bench.sleep(0.5)
    rejoin(bench, roamer)
    new, _ = bench.send(sender)
    for content in (new, old):
        bench.deliver(sender, content)
    bench.deliver(roamer, old)
    tick(bench, 5)
    assert (bench.counts.late, bench.counts.excused, bench.counts.lost) == (1, 1, 1)


def test_every_loss_that_comes_after_all_is_late(bench):
    sender, other, _holding = (bench.join(n) for n in range(3))
    contents = [bench.send(sender)[0] for _ in range(3)]
    for content in contents:
        bench.deliver(sender, content)
    bench.deliver(other, contents[2])
    tick(bench, 5)
    for content in contents[:2]:
        bench.deliver(other, content)
    assert (bench.counts.lost, bench.counts.late, bench.counts.duplicated) == (2, 2, 0)


def test_what_an_earlier_seat_missed_and_was_seen_before_the_new_one_is_late_once(bench):
    sender, roamer = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.sleep(0.5)
    bench.ledger.leave(roamer, 0, bench.now)
    bench.deliver(sender, content)
    bench.ledger.joining(roamer, 0)
    for _ in range(2):
        bench.deliver(roamer, content)
    assert (bench.counts.excused, bench.counts.late, bench.counts.duplicated) == (1, 1, 1)


@pytest.mark.parametrize("leaves", [0, 1, 2])
def test_what_was_sent_while_joining_and_comes_much_later_is_optional_once(bench, leaves):
    """Also in the order of sending, after the connection has left and joined again: nothing is duplicated or late."""
    sender, other = bench.join(0), bench.join(2)
    contents = [bench.send(sender)[0]]
    joining = bench.connect(1)
    bench.ledger.joining(joining, 0)
    contents += [bench.send(sender)[0] for _ in range(2)]
    for content in contents:
        for link in (sender, other):
            bench.deliver(link, content)
    bench.sleep(0.1)
    bench.ledger.ready(joining, 0, bench.now)
    bench.sleep(0.1)
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
    tick(bench, 7)
    bench.ledger.joining(roamer, 0)
    bench.ledger.ready(roamer, 0, bench.now)
    bench.deliver(roamer, first)
    counts = bench.counts
    assert (counts.optional, counts.duplicated, counts.out_of_order) == (2, 0, 1)


def test_a_seat_that_has_ended_holds_no_log(bench):
    sender, roamer = bench.join(0), bench.join(1)
    bench.sleep(1)
    bench.ledger.leave(roamer, 0, bench.now)
    contents = [bench.send(sender)[0] for _ in range(3)]
    for content in contents:
        bench.deliver(sender, content)
    bench.deliver(roamer, contents[1])
    tick(bench, 3)
    seat = roamer.seat
    assert seat.has_ended
    assert (bench.ledger.conversations[0].log, seat.cursor, seat.holes, seat.absent) == ([], 0, {}, {})
    bench.deliver(roamer, contents[0])
    assert (bench.counts.optional, bench.counts.duplicated) == (2, 0)


def test_a_connection_that_joins_again_and_again_remembers_ten_minutes_of_it(bench):
    bench.join(0)
    roamer = bench.join(1)
    for _ in range(700):
        bench.ledger.leave(roamer, 0, bench.now)
        tick(bench, 1)
        bench.ledger.joining(roamer, 0)
        bench.ledger.ready(roamer, 0, bench.now)
        bench.sleep(1)
    assert len(roamer.seat.stays) == 301
    assert len(bench.ledger.conversations[0].seats) == 2


@pytest.mark.parametrize("rejoins", [True, False])
def test_without_an_echo_a_sender_that_left_before_its_message_was_seen_is_not_due_it(make_bench, rejoins):
    bench = make_bench(contract="minimal")
    sender, _other = bench.join(0), bench.join(1)
    _, message = bench.send(sender)
    bench.sleep(0.5)
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
    bench.sleep(0.1)
    for payload in payloads:
        for link in (sender, other):
            link.on_message(payload, bench.now, wire(payload))
    bench.sleep(9)
    payload = payloads[0]
    frame = bytearray(wire(payload))
    assert slow.take_known(frame, 0, len(frame), bench.now) == 0
    slow.on_message(payload, bench.now, bytes(frame))
    rejoin(bench, slow)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.lost) == (6, 5, 1)
    timings = bench.ledger.timings
    for name, count in (("response", 4), ("delivery", 4), ("room_complete", 2)):
        series = getattr(timings, name)
        assert (series.count, series.max_us, series.censored) == (count, 100_000, {})
    (finding,) = bench.ledger.findings.kept
    assert (finding.kind, finding.explanation) == ("lost", "it reads slowly")


def test_a_connection_that_is_not_timed_stays_so_also_when_it_is_gone_or_comes_back(bench):
    sender, slow = bench.join(0), bench.join(1)
    slow.stop_timing("it reads slowly")
    rejoin(bench, slow)
    assert not slow.seat.is_plain
    content, _ = bench.send(sender)
    tick(bench, 6)
    bench.ledger.close(slow, bench.now)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.lost) == (2, 1, 1)
    assert bench.ledger.timings.response.censored == {}
    (finding,) = bench.ledger.findings.kept
    assert (finding.kind, finding.conversation, finding.sender, finding.number) == ("lost", 0, sender.sender.id, 1)


def test_a_duplicate_is_named_also_when_it_is_older_than_the_seat_or_forgotten(bench):
    sender = bench.join(0)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    joined = bench.join(1)
    for _ in range(2):
        bench.deliver(joined, content)
    tick(bench, 3)
    assert not bench.ledger.conversations[0].log
    for link in (joined, sender):
        bench.deliver(link, content)
    found = bench.ledger.findings.kept
    assert [(finding.kind, finding.conversation, finding.number) for finding in found] == [("duplicated", 0, 1)] * 3
    assert [finding.receiver for finding in found] == [joined.sender.id] * 2 + [sender.sender.id]


def test_what_was_missed_stays_missed_also_when_it_is_given_up_again_or_forgotten(bench):
    sender, roamer = bench.join(0), bench.join(1)
    bench.sleep(0.5)
    early, late = (bench.send(sender)[0] for _ in range(2))
    bench.sleep(0.5)
    rejoin(bench, roamer)
    bench.deliver(sender, early)
    tick(bench, 3)
    assert roamer.seat.absent == {sender.sender.id << 32 | 1: True}
    bench.deliver(sender, late)
    tick(bench, 61)
    assert not bench.ledger.conversations[0].log
    rejoin(bench, roamer)
    for content in (early, late):
        bench.deliver(roamer, content)
    counts = bench.counts
    assert (counts.excused, counts.late, counts.duplicated, counts.optional) == (2, 2, 0, 0)


def test_what_was_not_due_is_remembered_no_longer_than_the_log_has_it(bench):
    sender, roamer = bench.join(0), bench.join(1)
    bench.ledger.leave(roamer, 0, bench.now)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.ledger.joining(roamer, 0)
    assert list(roamer.seat.absent.values()) == [False]
    bench.ledger.ready(roamer, 0, bench.now + 1)
    tick(bench, 3)
    rejoin(bench, roamer)
    assert roamer.seat.absent == {}
    bench.deliver(roamer, content)
    assert (bench.counts.optional, bench.counts.duplicated) == (1, 0)


def test_a_forgotten_message_that_was_missed_has_overtaken_nothing(bench):
    sender, other = bench.join(0), bench.join(1)
    first, second = (bench.send(sender)[0] for _ in range(2))
    bench.deliver(sender, second)
    tick(bench, 64)
    assert not bench.ledger.conversations[0].log
    for link in (sender, other):
        bench.deliver(link, first)
    counts = bench.counts
    assert (counts.lost, counts.out_of_order, counts.delivered) == (1, 1, 3)


def test_a_message_is_overtaken_also_by_one_after_a_forgotten_one_that_was_missed(bench):
    sender, other = bench.join(0), bench.join(1)
    first, second = (bench.send(sender)[0] for _ in range(2))
    bench.deliver(sender, second)
    tick(bench, 64)
    third, _ = bench.send(sender)
    bench.deliver(other, third)
    bench.deliver(other, first)
    assert bench.counts.out_of_order == 1


def test_a_seat_that_receives_nothing_does_not_grow_with_the_room(bench):
    sender, stray = bench.join(0), bench.connect(1)
    for _ in range(200):
        content, _ = bench.send(sender)
        bench.deliver(sender, content)
        if stray.seat is None:
            bench.deliver(stray, content)
        tick(bench, 1)
    assert len(stray.seat.absent) < 70


def test_what_vanished_is_due_once_also_at_a_connection_that_left_long_ago(bench):
    sender, roamer = bench.join(0), bench.join(1)
    bench.send(sender)
    bench.sleep(1)
    bench.ledger.leave(roamer, 0, bench.now)
    tick(bench, 660)
    counts = bench.finish()
    assert (counts.vanished, counts.due, counts.lost) == (1, 1, 1)


@pytest.mark.parametrize("ends", ["leave", "close"])
def test_nothing_comes_next_at_a_seat_that_has_ended(bench, ends):
    sender, gone = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for link in (gone, gone, sender, sender):
        bench.deliver(link, content)
    if ends == "leave":
        bench.ledger.leave(gone, 0, bench.now)
    else:
        bench.ledger.close(gone, bench.now)
    following, _ = bench.send(sender)
    bench.deliver(sender, following)
    for _ in range(4):
        tick(bench, 1)
    bench.finish()
    found = [(finding.kind, finding.before, finding.after) for finding in bench.ledger.findings.kept]
    assert found == [("duplicated", "1:1", ""), ("duplicated", "1:1", "1:2")]


def test_what_comes_next_is_also_what_comes_after_one_that_was_given_up_and_forgotten(bench):
    sender, other = bench.join(0), bench.join(1)
    contents = [bench.send(sender)[0] for _ in range(2)]
    bench.deliver(other, contents[0])
    bench.deliver(other, contents[0])
    for content in contents:
        bench.deliver(sender, content)
    tick(bench, 61)
    tick(bench, 1)
    assert not bench.ledger.conversations[0].log
    content, _ = bench.send(sender)
    for link in (sender, other):
        bench.deliver(link, content)
    tick(bench, 1)
    duplicated = bench.ledger.findings.kept[0]
    assert (duplicated.kind, duplicated.after) == ("duplicated", "1:3")


def test_what_comes_next_is_what_came_not_what_was_given_up(bench):
    sender, other = bench.join(0), bench.join(1)
    contents = [bench.send(sender)[0] for _ in range(3)]
    for content in contents:
        bench.deliver(sender, content)
    for content in (contents[0], contents[0], contents[2]):
        bench.deliver(other, content)
    tick(bench, 1)
    duplicated = bench.ledger.findings.kept[0]
    assert (duplicated.kind, duplicated.after) == ("duplicated", "1:3")


def test_the_right_ready_time_ends_with_a_seat(bench):
    sender = bench.join(0)
    bench.sleep(1)
    second = bench.join(1)
    bench.sleep(1)
    third = bench.join(2)
    bench.sleep(1)
    bench.ledger.close(third, bench.now)
    content, _ = bench.send(sender, lag_us=1_500_000)
    for link in (sender, second):
        bench.deliver(link, content)
    assert bench.finish().due == 2


@pytest.mark.parametrize("comes", [True, False])
def test_what_was_meant_before_a_leave_and_first_seen_after_it_is_decided_once(bench, comes):
    sender, leaver = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.sleep(0.5)
    bench.ledger.leave(leaver, 0, bench.now)
    payload = bench.frame(content)
    sender.on_message(payload, bench.now, wire(payload))
    if comes:
        frame = bytearray(wire(payload))
        assert leaver.take_known(frame, 0, len(frame), bench.now) == 0
        leaver.on_message(payload, bench.now, bytes(frame))
    tick(bench, 70)
    bench.ledger.close(leaver, bench.now)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.excused, counts.lost, counts.late) == (2, 1, 1, 0, comes)


def test_a_seat_that_ended_is_due_what_was_meant_before_also_after_a_while(bench):
    sender, ended = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    tick(bench, 1)
    bench.ledger.close(ended, bench.now)
    tick(bench, 1)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.due, counts.excused) == (2, 1)


def test_a_seat_that_ended_ten_minutes_ago_is_forgotten(bench):
    bench.ledger.close(bench.join(0), bench.now)
    tick(bench, 600)
    assert len(bench.ledger.conversations[0].ended) == 1
    tick(bench, 0.000001)
    assert not bench.ledger.conversations[0].ended


def test_without_an_echo_a_sender_that_was_not_ready_yet_changes_nothing(make_bench):
    bench = make_bench(contract="minimal")
    bench.join(1)
    bench.sleep(1)
    sender = bench.join(0)
    _, message = bench.send(sender, lag_us=500_000)
    bench.ledger.confirm(sender, message.number)
    assert bench.counts.due == 1


# -- trimming ----------------------------------------------------------------------------------------------------------


def trimmed(bench, sender, other):
    """Twice, messages come, are seen, and leave the log."""
    for _ in range(2):
        for _ in range(3):
            content, _ = bench.send(sender)
            for link in (sender, other):
                bench.deliver(link, content)
        tick(bench, 3)
    assert bench.ledger.conversations[0].base == 6


def test_after_the_log_was_trimmed_holes_neighbours_and_copies_are_still_right(bench):
    sender, other = bench.join(0), bench.join(1)
    trimmed(bench, sender, other)
    contents = [bench.send(sender)[0] for _ in range(4)]
    for content in contents:
        bench.deliver(sender, content)
    for content in (contents[0], contents[2], contents[2], contents[3]):
        bench.deliver(other, content)
    tick(bench, 3)
    assert len(bench.ledger.conversations[0].log) == 3, "the hole holds it"
    tick(bench, 2)
    assert (bench.counts.lost, bench.counts.duplicated) == (1, 1)
    duplicated, lost = bench.ledger.findings.kept
    assert (duplicated.number, duplicated.before, duplicated.after) == (9, "1:9", "1:10")
    assert (lost.number, lost.before, lost.after) == (8, "", "1:9")


def test_what_comes_next_is_filled_in_also_at_the_head_of_the_log(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for link in (sender, other):
        bench.deliver(link, content)
    bench.sleep(3)
    bench.deliver(other, content)
    for _ in range(3):
        tick(bench, 0.1)
    following, _ = bench.send(sender)
    for link in (sender, other):
        bench.deliver(link, following)
    tick(bench, 0.1)
    (finding,) = bench.ledger.findings.kept
    assert (finding.kind, finding.before, finding.after) == ("duplicated", "1:1", "1:2")


def test_without_seats_a_log_is_trimmed_all_the_same(bench):
    sender = bench.join(0)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.ledger.close(sender, bench.now)
    tick(bench, 3)
    assert not bench.ledger.conversations[0].log


def test_clients_that_come_and_go_leave_nothing_behind(bench):
    for _ in range(50):
        link = bench.join(0)
        content, _ = bench.send(link)
        bench.deliver(link, content)
        bench.ledger.close(link, bench.now)
        tick(bench, 1)
    assert len(bench.ledger._senders) <= 4
    other = bench.join(1)
    bench.deliver(other, content)
    bench.deliver(other, content)
    assert (bench.counts.optional, bench.counts.duplicated) == (1, 1)


def test_a_message_of_a_sender_that_is_forgotten_is_still_told_apart(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for link in (sender, other):
        bench.deliver(link, content)
    bench.ledger.close(sender, bench.now)
    tick(bench, 3)
    assert sender.sender.id not in bench.ledger._senders
    bench.deliver(other, content)
    assert bench.counts.duplicated == 1
    assert bench.ledger.findings.kept[0].at_us == bench.now


# -- small things ------------------------------------------------------------------------------------------------------


def test_connections_are_numbered_from_the_first_sender():
    ledger = Ledger(1, None, first_sender=7)
    assert [ledger.open_link(0, lambda *_: None).sender.id for _ in range(3)] == [7, 8, 9]


def test_a_conversation_knows_its_names_and_has_an_echo_unless_told_otherwise(bench):
    bench.ledger.add_conversation(5, 55, [0])
    conversation = bench.ledger.conversations[5]
    assert (conversation.index, conversation.id, conversation.has_echo) == (5, 55, True)


def test_nothing_has_arrived_and_everything_is_clean_at_first(bench):
    assert bench.ledger.figures.last_first_arrival_us == 0
    sender, _ = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    assert (bench.finish().lost, bench.counts.lost_unclean) == (1, 0)


def test_what_is_seen_is_remembered_where_it_is_asked_for(bench):
    bench.ledger.conversations[0].remember_seen()
    link = bench.join()
    seen, message = bench.send(link)
    bench.send(link)
    bench.deliver(link, seen)
    bench.sleep(6)
    assert bench.finish().vanished == 1
    assert list(bench.ledger.conversations[0].seen) == [message.key]


def test_a_session_is_told_when_something_happened(bench):
    times = []
    link = bench.ledger.open_link(0, lambda _event, now_us: times.append(now_us))
    link.on_message(b'{"type":"server_shutdown"}', 123)
    assert times == [123]


def test_keys_name_messages():
    assert message_key(1, 2) == (1 << 32) + 2
    assert len({message_key(sender, number) for sender in range(10) for number in range(10)}) == 100


def test_a_tag_keeps_every_bit_of_its_run():
    tag = decode_tag(encode_tag(0xFEDCBA98, 1, 2, 3, 4, 5, "text"))
    assert tag.run == 0xFEDCBA98


@pytest.mark.parametrize("head", ["~hc" + "0" * 58, "~hbé" + "0" * 57])
def test_check_digits_alone_make_no_tag(head):
    assert decode_tag(f"{head}{crc32(head.encode()):08x}") is None
