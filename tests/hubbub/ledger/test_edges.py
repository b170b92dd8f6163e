"""Exact limits, things that happen twice, and what is left after the log was trimmed."""

import pytest

from hubbub.contracts import Contract
from hubbub.ledger import Ledger, decode_tag, encode_tag
from hubbub.ledger.tag import crc32, message_key
from tests.hubbub.ledger.test_paths import wire

# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "lost"), [(4.999, 0), (5, 1)])
def test_a_hole_is_lost_after_exactly_five_seconds(bench, seconds, lost):
    sender, other = bench.join(0), bench.join(1)
    missed, _ = bench.send(sender)
    bench.deliver(sender, missed)
    content, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, content)
    bench.tick(seconds)
    assert bench.counts.lost == lost


@pytest.mark.parametrize(("seconds", "lost"), [(59.999, 0), (60, 2)])
def test_what_nothing_overtook_is_lost_after_exactly_sixty(bench, seconds, lost):
    sender, _ = bench.join(0), bench.join(1)
    for _ in range(2):
        content, _ = bench.send(sender)
        bench.deliver(sender, content)
    bench.tick(seconds)
    assert bench.counts.lost == lost


@pytest.mark.parametrize(("seconds", "excused"), [(4.999, 2), (5, 0)])
@pytest.mark.parametrize("is_seen_first", [True, False])
def test_a_receiver_of_exactly_five_seconds_had_its_chance(bench, seconds, excused, is_seen_first):
    sender, *leavers = (bench.join(n) for n in range(3))
    content, _ = bench.send(sender)
    if is_seen_first:
        bench.deliver(sender, content)
    bench.wait(seconds)
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
    receiver = bench.join()
    bench.ledger.skip_warmup(bench.now)
    content, _ = bench.send(receiver)
    bench.deliver(receiver, content)
    assert bench.ledger.timings.response.count == 1


def test_a_message_is_remembered_for_two_seconds(bench):
    receiver = bench.join()
    content, _ = bench.send(receiver)
    bench.deliver(receiver, content)
    log = bench.ledger.conversations[0].log
    bench.tick(2)
    assert len(log) == 1
    bench.tick(0.001)
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
        bench.wait(0.5)
        bench.deliver(stranger, content)
        bench.deliver(sender, content[:5] + "!" + content[6:])
        bench.deliver(sender, alien)
        bench.deliver(sender, "good morning", account=900)
    counts = bench.counts
    assert (counts.leaked, counts.corrupt, counts.foreign) == (2, 2, 4)
    assert [finding.at_us for finding in bench.ledger.findings.kept][-2:] == [bench.now, bench.now]


def test_a_message_of_a_conversation_on_another_worker_is_leaked(bench):
    receiver = bench.join()
    content = encode_tag(bench.ledger.run, 9, 1 << 24, 1, bench.now, 0, "text") + "text"
    bench.deliver(receiver, content)
    assert bench.counts.leaked == 1


def test_leaving_and_closing_at_once_ends_a_subscription_once(bench):
    sender, leaver = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.wait(1)
    bench.ledger.leave(leaver, 0, bench.now)
    bench.ledger.close(leaver, bench.now)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.due, counts.excused) == (2, 1)


def test_surplus_refusals_add_up(bench):
    receiver = bench.join()
    for _ in range(2):
        content, _ = bench.send(receiver)
        assert bench.ledger.refuse(receiver, is_rate_limit=True)
        bench.deliver(receiver, content)
    assert bench.ledger.surplus_refusals == 2


def test_a_late_copy_is_late_once(bench):
    sender, other = bench.join(0), bench.join(1)
    missed, _ = bench.send(sender)
    bench.deliver(sender, missed)
    content, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, content)
    bench.wait(5)
    keeper = bench.join(2)
    later, _ = bench.send(sender)
    bench.deliver(sender, later)
    bench.ledger.tick(bench.now)
    assert bench.counts.lost == 1
    for _ in range(3):
        bench.deliver(other, missed)
    assert (bench.counts.late, bench.counts.duplicated) == (1, 2)
    assert keeper.subscription.missing()


def test_late_copies_add_up(bench):
    sender, other = bench.join(0), bench.join(1)
    missed = [bench.send(sender)[0] for _ in range(3)]
    for content in missed:
        bench.deliver(sender, content)
    following, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, following)
    bench.tick(5)
    for content in missed:
        bench.deliver(other, content)
    assert (bench.counts.lost, bench.counts.late) == (3, 3)


def test_what_nobody_saw_and_comes_after_the_end_is_late_every_time(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.ledger.refuse(sender, is_rate_limit=False)
    assert bench.finish().refused == 1
    for receiver in (sender, other):
        bench.deliver(receiver, content)
    assert (bench.counts.late, bench.counts.confirmed) == (2, 0)


def test_nothing_is_known_any_more_after_the_end(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    payload = bench.frame(content)
    sender.on_message(payload, bench.now, bench.now, wire(payload))
    bench.finish()
    frame = bytearray(wire(payload))
    assert other.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == 0
    other.on_message(payload, bench.now, bench.now, bytes(frame))
    assert bench.counts.late == 1


# -- order -------------------------------------------------------------------------------------------------------------


def test_the_highest_forgotten_number_decides(bench):
    sender, other, slo_results = bench.join(0), bench.join(1), bench.join(2)
    one, two, three = (bench.send(sender)[0] for _ in range(3))
    for content in (three, one, two):
        for receiver in (sender, other) if content == two else (sender, other, slo_results):
            bench.deliver(receiver, content)
    before = bench.counts.out_of_order
    bench.tick(4)
    assert set(sender.producer.messages) == {2}
    bench.deliver(slo_results, two)
    assert bench.counts.out_of_order == before + 1


def test_a_forgotten_message_that_was_not_due_overtakes_nothing(bench):
    sender, other = bench.join(0), bench.join(1)
    early, _ = bench.send(sender)
    later, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, later)
    bench.tick(4)
    late_comer = bench.join(2)
    bench.deliver(late_comer, early)
    assert bench.counts.out_of_order == 0
    assert bench.counts.optional == 1


@pytest.mark.parametrize(("order", "found"), [((0, 1), 0), ((1, 0), 1)])
def test_order_is_judged_for_messages_before_the_subscription(bench, order, found):
    sender = bench.join(0)
    contents = [bench.send(sender)[0] for _ in range(2)]
    for content in contents:
        bench.deliver(sender, content)
    late_comer = bench.join(1)
    bench.wait(0.5)
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
        sender.on_message(payload, bench.now, bench.now, wire(payload))
    buffer = bytearray(wire(bench.frame(later)) + wire(bench.frame(early)))
    at = other.take_known(buffer, 0, len(buffer), bench.now, bench.now, bench.now)
    assert at == len(wire(bench.frame(later)))
    assert other.take_known(buffer, at, len(buffer), bench.now, bench.now, bench.now) == at


def test_the_first_receivers_frame_is_the_one_that_is_remembered(bench):
    first, second, third = (bench.join(n) for n in range(3))
    content, message = bench.send(first)
    payload = bench.frame(content)
    first.on_message(payload, bench.now, bench.now, wire(payload))
    other_payload = payload[:-1] + b',"for":2}'
    second.on_message(other_payload, bench.now, bench.now, wire(other_payload))
    for _ in range(64):
        if second.subscription.cursor == 0:
            second.on_message(other_payload, bench.now, bench.now, wire(other_payload))
    assert message.frame == wire(payload)
    frame = bytearray(wire(payload))
    assert third.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == len(frame)


# -- trimming ----------------------------------------------------------------------------------------------------------


def trimmed(bench, sender, other):
    """Twice, messages come, are seen, and leave the log."""
    for _ in range(2):
        for _ in range(3):
            content, _ = bench.send(sender)
            for receiver in (sender, other):
                bench.deliver(receiver, content)
        bench.tick(3)
    assert bench.ledger.conversations[0].log.base == 6


def test_a_trimmed_log_keeps_gaps_neighbours_and_copies_right(bench):
    sender, other = bench.join(0), bench.join(1)
    trimmed(bench, sender, other)
    contents = [bench.send(sender)[0] for _ in range(4)]
    for content in contents:
        bench.deliver(sender, content)
    for content in (contents[0], contents[2], contents[2], contents[3]):
        bench.deliver(other, content)
    bench.tick(3)
    assert len(bench.ledger.conversations[0].log) == 3, "the hole holds it"
    bench.tick(2)
    assert (bench.counts.lost, bench.counts.duplicated) == (1, 1)
    duplicated, lost = bench.ledger.findings.kept
    assert (duplicated.number, duplicated.before, duplicated.after) == (9, "1:9", "1:10")
    assert (lost.number, lost.before, lost.after) == (8, "", "1:9")


def test_what_comes_next_is_filled_in_also_at_the_head_of_the_log(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, content)
    bench.wait(3)
    bench.deliver(other, content)
    for _ in range(3):
        bench.tick(0.1)
    following, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, following)
    bench.tick(0.1)
    (finding,) = bench.ledger.findings.kept
    assert (finding.kind, finding.before, finding.after) == ("duplicated", "1:1", "1:2")


def test_without_subscriptions_a_log_is_trimmed_all_the_same(bench):
    sender = bench.join(0)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.ledger.close(sender, bench.now)
    bench.tick(3)
    assert not bench.ledger.conversations[0].log


def test_clients_that_come_and_go_leave_nothing_behind(bench):
    for _ in range(50):
        receiver = bench.join(0)
        content, _ = bench.send(receiver)
        bench.deliver(receiver, content)
        bench.ledger.close(receiver, bench.now)
        bench.tick(1)
    assert len(list(bench.ledger._producers)) <= 4
    other = bench.join(1)
    bench.deliver(other, content)
    bench.deliver(other, content)
    assert (bench.counts.optional, bench.counts.duplicated) == (1, 1)


def test_a_message_of_a_sender_that_is_forgotten_is_still_told_apart(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for receiver in (sender, other):
        bench.deliver(receiver, content)
    bench.ledger.close(sender, bench.now)
    bench.tick(3)
    assert bench.ledger._producers.get(sender.producer.id) is None
    bench.deliver(other, content)
    assert bench.counts.duplicated == 1
    assert bench.ledger.findings.kept[0].at_us == bench.now


# -- small things ------------------------------------------------------------------------------------------------------


def test_connections_are_numbered_from_the_first_sender():
    ledger = Ledger(1, Contract(), first_sender=7)
    assert [ledger.open_receiver(0, lambda *_: None).producer.id for _ in range(3)] == [7, 8, 9]


def test_a_conversation_has_an_echo_by_default(bench):
    bench.ledger.add_conversation(5, 55, [0])
    conversation = bench.ledger.conversations[5]
    assert (conversation.index, conversation.id, conversation.has_echo) == (5, 55, True)


def test_nothing_has_arrived_and_nothing_is_doubted_at_first(bench):
    assert bench.ledger.latencies.last_first_arrival_us == 0
    sender, _ = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    assert (bench.finish().lost, bench.counts.lost_unproven) == (1, 0)


def test_what_is_seen_is_remembered_where_it_is_asked_for(bench):
    bench.ledger.conversations[0].remember_seen()
    receiver = bench.join()
    seen, message = bench.send(receiver)
    bench.send(receiver)
    bench.deliver(receiver, seen)
    bench.wait(6)
    assert bench.finish().vanished == 1
    assert list(bench.ledger.conversations[0].seen) == [message.key]


def test_a_session_is_told_when_something_happened(bench):
    times = []
    receiver = bench.ledger.open_receiver(0, lambda _event, now_us: times.append(now_us))
    receiver.on_message(b'{"type":"server_shutdown"}', 123, 123)
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
