"""Every class of the ledger, one rule per test: the fault goes in, the exact count comes out."""

import pytest

from tests.hubbub.ledger.conftest import Bench


def test_everything_delivered_once_in_order(bench):
    receivers = [bench.join(n) for n in range(3)]
    for _ in range(5):
        content, _ = bench.send(receivers[0])
        bench.wait(0.02)
        for receiver in receivers:
            bench.deliver(receiver, content)
    counts = bench.finish()
    assert (counts.sent, counts.confirmed, counts.due, counts.delivered) == (5, 5, 15, 15)
    assert counts.received == 15
    assert counts.out_of_order == counts.lost == counts.optional == 0
    assert bench.ledger.timings.response.count == 15
    assert bench.ledger.timings.room_complete.count == 5


def test_a_dropped_delivery_is_lost(bench):
    sender, other = bench.join(0), bench.join(1)
    first, _ = bench.send(sender)
    second, _ = bench.send(sender)
    bench.deliver(sender, first)
    bench.deliver(sender, second)
    bench.deliver(other, second)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.lost) == (4, 3, 1)
    assert bench.ledger.timings.response.count == 4, "a lost delivery is a censored one"


def test_an_overtaken_delivery_is_lost_and_then_late(bench):
    sender, other = bench.join(0), bench.join(1)
    first, _ = bench.send(sender)
    second, _ = bench.send(sender)
    for content in (first, second):
        bench.deliver(sender, content)
    bench.deliver(other, second)
    bench.wait(4.9)
    bench.ledger.tick(bench.now)
    assert bench.counts.lost == 0
    bench.wait(0.2)
    bench.ledger.tick(bench.now)
    assert bench.counts.lost == 1
    bench.deliver(other, first)
    bench.deliver(other, first)
    counts = bench.finish()
    assert (counts.lost, counts.late, counts.duplicated, counts.delivered) == (1, 1, 1, 3)


def test_a_frozen_backend_loses_nothing(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    for _ in range(30):
        bench.wait(1)
        bench.ledger.tick(bench.now)
    bench.deliver(sender, content)
    bench.deliver(other, content)
    counts = bench.finish()
    assert (counts.delivered, counts.lost) == (2, 0)


def test_a_silent_receiver_cannot_hold_the_log(bench):
    sender, silent = bench.join(0), bench.join(1)
    for _ in range(100):
        content, _ = bench.send(sender)
        bench.deliver(sender, content)
        bench.wait(1)
        bench.ledger.tick(bench.now)
    assert silent.subscription.cursor == 0
    assert len(bench.ledger.conversations[0].log) <= 62
    counts = bench.finish()
    assert (counts.delivered, counts.lost) == (100, 100)


def test_a_second_copy_is_a_duplicate_however_old_the_first(bench):
    receiver = bench.join()
    old, _ = bench.send(receiver)
    bench.deliver(receiver, old)
    for _ in range(50):
        content, _ = bench.send(receiver)
        bench.deliver(receiver, content)
        bench.wait(1)
        bench.ledger.tick(bench.now)
    bench.deliver(receiver, old)
    assert bench.finish().duplicated == 1


def test_two_messages_of_one_sender_in_the_wrong_order(bench):
    sender, other = bench.join(0), bench.join(1)
    first, _ = bench.send(sender)
    second, _ = bench.send(sender)
    for content in (first, second):
        bench.deliver(sender, content)
    for content in (second, first):
        bench.deliver(other, content)
    counts = bench.finish()
    assert (counts.out_of_order, counts.delivered, counts.lost) == (1, 4, 0)


def test_order_is_judged_at_each_receiver(bench):
    sender, first_seer, other = bench.join(0), bench.join(1), bench.join(2)
    one, _ = bench.send(sender)
    two, _ = bench.send(sender)
    for content in (two, one):
        bench.deliver(first_seer, content)
    for receiver in (sender, other):
        bench.deliver(receiver, one)
        bench.deliver(receiver, two)
    assert bench.finish().out_of_order == 1


def test_different_senders_have_no_order_between_them(bench):
    receivers = [bench.join(n) for n in range(2)]
    contents = [bench.send(receiver)[0] for receiver in receivers]
    for content in contents:
        bench.deliver(receivers[0], content)
    for content in reversed(contents):
        bench.deliver(receivers[1], content)
    assert bench.finish().out_of_order == 0


def test_a_delivery_to_a_non_member_is_leaked(make_bench):
    bench = make_bench(conversations=2, accounts=2)
    sender, stranger = bench.join(0, 0), bench.join(1, 1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.deliver(stranger, content)
    counts = bench.finish()
    assert (counts.leaked, counts.delivered, counts.due) == (1, 1, 1)


def test_our_own_message_without_a_tag_is_corrupt_then_lost(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.deliver(other, content[:10] + "!" + content[11:])
    counts = bench.finish()
    assert (counts.corrupt, counts.delivered, counts.lost) == (1, 1, 1)


def test_a_changed_text_is_corrupt(bench):
    receiver = bench.join()
    content, _ = bench.send(receiver)
    bench.deliver(receiver, content + "!")
    assert bench.counts.corrupt == 1


def test_somebody_elses_messages_are_foreign(bench, make_bench):
    receiver = bench.join()
    bench.deliver(receiver, "good morning", account=900)
    other_run = make_bench()
    other_run.ledger.run = 7
    bench.deliver(receiver, other_run.send(other_run.join())[0])
    assert bench.finish().foreign == 2


def test_other_copies_of_a_message_are_no_deliveries(bench):
    receiver = bench.join()
    content, _ = bench.send(receiver)
    bench.deliver(receiver, content, kind="room_message")
    bench.deliver(receiver, content)
    bench.deliver(receiver, content, kind="room_message")
    counts = bench.finish()
    assert (counts.received, counts.delivered, counts.duplicated) == (1, 1, 0)


def test_an_arrival_before_the_join_is_confirmed_is_optional(bench):
    sender = bench.join(0)
    joining = bench.connect(1)
    bench.ledger.joining(joining, 0)
    content, _ = bench.send(sender)
    for receiver in (sender, joining):
        bench.deliver(receiver, content)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.optional) == (1, 1, 1)


def test_an_arrival_through_another_connection_is_optional(bench):
    sender, idle = bench.join(0), bench.connect(0)
    content, _ = bench.send(sender)
    for receiver in (sender, idle, idle):
        bench.deliver(receiver, content)
    counts = bench.finish()
    assert (counts.due, counts.optional, counts.duplicated) == (1, 1, 1)


def test_due_is_decided_by_the_intended_time(bench):
    sender = bench.join(0)
    bench.wait(1)
    late_comer = bench.join(1)
    content, _ = bench.send(sender, lag_us=500_000)
    for receiver in (sender, late_comer):
        bench.deliver(receiver, content)
    counts = bench.finish()
    assert (counts.due, counts.optional) == (1, 1)


def test_a_receiver_that_dies_soon_is_excused(bench):
    sender, quick, slow = bench.join(0), bench.join(1), bench.join(2)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.wait(1)
    bench.ledger.close(quick, bench.now)
    bench.wait(5)
    bench.ledger.close(slow, bench.now)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.excused, counts.lost) == (3, 1, 1, 1)


def test_a_receiver_that_died_before_the_first_copy_is_due_it(bench):
    sender, dead = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.wait(1)
    bench.ledger.close(dead, bench.now)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.excused) == (2, 1, 1)


def test_a_message_first_seen_by_somebody_who_has_left_is_late_there(bench):
    sender, leaver = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.wait(0.1)
    bench.ledger.leave(leaver, 0, bench.now)
    bench.deliver(leaver, content)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.excused, counts.late) == (2, 1, 1, 1)


def test_after_a_leave_due_messages_are_late_others_optional(bench):
    sender, leaver = bench.join(0), bench.join(1)
    before, _ = bench.send(sender)
    bench.deliver(sender, before)
    bench.wait(0.1)
    bench.ledger.leave(leaver, 0, bench.now)
    bench.deliver(leaver, before)
    after, _ = bench.send(sender)
    for receiver in (sender, leaver):
        bench.deliver(receiver, after)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.excused, counts.late, counts.optional) == (3, 2, 1, 1, 1)


def test_a_reconnect_is_a_new_sender(bench):
    receiver = bench.join(0)
    bench.send(receiver)
    bench.ledger.close(receiver, bench.now)
    again = bench.join(0)
    content, message = bench.send(again)
    assert message.number == 1
    bench.deliver(again, content)
    counts = bench.finish()
    assert (counts.confirmed, counts.indefinite, counts.out_of_order) == (1, 1, 0)


def test_an_unseen_message_vanished_and_its_deliveries_are_lost(bench):
    sender, _ = bench.join(0), bench.join(1)
    bench.send(sender)
    bench.wait(6)
    counts = bench.finish()
    assert (counts.vanished, counts.due, counts.lost) == (1, 2, 2)


def test_a_message_whose_connection_died_soon_is_indefinite(bench):
    sender, _ = bench.join(0), bench.join(1)
    bench.send(sender)
    bench.wait(1)
    bench.ledger.close(sender, bench.now)
    counts = bench.finish()
    assert (counts.indefinite, counts.vanished, counts.due) == (1, 0, 0)


def test_a_message_before_an_answered_one_vanished(bench):
    sender = bench.join(0)
    bench.send(sender)
    later, _ = bench.send(sender)
    bench.deliver(sender, later)
    bench.ledger.close(sender, bench.now)
    assert bench.finish().vanished == 1


def test_a_message_found_in_the_history_is_confirmed(bench):
    sender, _ = bench.join(0), bench.join(1)
    bench.send(sender)
    bench.wait(6)
    (unseen,) = bench.ledger.unseen()
    bench.ledger.found_in_history(unseen)
    counts = bench.finish()
    assert (counts.confirmed, counts.vanished, counts.lost) == (1, 0, 2)


def test_a_refusal_goes_to_the_nearest_unanswered_message(bench):
    receiver = bench.join()
    first, _ = bench.send(receiver)
    bench.send(receiver)
    assert bench.ledger.refuse(receiver, is_rate_limit=True)
    bench.send(receiver)
    assert bench.ledger.refuse(receiver, is_rate_limit=False)
    bench.deliver(receiver, first)
    counts = bench.finish()
    assert (counts.confirmed, counts.throttled, counts.refused, counts.vanished) == (1, 1, 1, 0)


def test_being_seen_wins_over_a_refusal_which_moves_on(bench):
    receiver = bench.join()
    bench.send(receiver)
    second, _ = bench.send(receiver)
    assert bench.ledger.refuse(receiver, is_rate_limit=True)
    bench.deliver(receiver, second)
    counts = bench.finish()
    assert (counts.confirmed, counts.throttled) == (1, 1)


def test_a_refusal_never_moves_to_a_later_message(bench):
    receiver = bench.join()
    bench.send(receiver)
    bench.wait(6)
    second, _ = bench.send(receiver)
    assert bench.ledger.refuse(receiver, is_rate_limit=True)
    bench.send(receiver)
    bench.deliver(receiver, second)
    bench.ledger.close(receiver, bench.now)
    counts = bench.finish()
    assert (counts.confirmed, counts.throttled, counts.indefinite, counts.vanished) == (1, 1, 1, 0)


def test_every_refusal_has_a_message_of_its_own(bench):
    receiver = bench.join()
    for _ in range(3):
        bench.send(receiver)
    for _ in range(2):
        assert bench.ledger.refuse(receiver, is_rate_limit=False)
    bench.ledger.close(receiver, bench.now)
    counts = bench.finish()
    assert (counts.refused, counts.indefinite) == (2, 1)


def test_a_refusal_without_a_message_is_nobodys(bench):
    assert not bench.ledger.refuse(bench.join(), is_rate_limit=True)


def test_a_refusal_that_cannot_move_on_is_surplus(bench):
    receiver = bench.join()
    content, _ = bench.send(receiver)
    assert bench.ledger.refuse(receiver, is_rate_limit=True)
    bench.deliver(receiver, content)
    assert bench.ledger.surplus_refusals == 1


def test_a_copy_of_a_forgotten_message_has_a_class(bench):
    sender, loser = bench.join(0), bench.join(1)
    lost, _ = bench.send(sender)
    bench.deliver(sender, lost)
    other, _ = bench.send(sender)
    for receiver in (sender, loser):
        bench.deliver(receiver, other)
    bench.wait(6)
    bench.ledger.tick(bench.now)
    late_comer = bench.join(2)
    bench.wait(60)
    bench.ledger.tick(bench.now)
    assert not bench.ledger.conversations[0].log
    for _ in range(2):
        bench.deliver(loser, lost)
        bench.deliver(late_comer, lost)
        bench.deliver(late_comer, other)
    counts = bench.counts
    assert (counts.late, counts.optional, counts.duplicated) == (1, 2, 3)


def test_exactly_the_settling_time_makes_a_message_vanish(bench):
    sender = bench.join(0)
    bench.send(sender)
    bench.wait(5)
    bench.ledger.close(sender, bench.now)
    assert bench.finish().vanished == 1


def test_messages_without_an_answer_whose_links_died_are_indefinite(bench):
    sender = bench.join(0)
    answered, _ = bench.send(sender)
    for _ in range(2):
        bench.send(sender)
    bench.deliver(sender, answered)
    bench.ledger.close(sender, bench.now)
    counts = bench.finish()
    assert (counts.confirmed, counts.indefinite, counts.vanished) == (1, 2, 0)


def test_a_refusal_is_noted_on_its_link(bench):
    receiver = bench.join()
    bench.ledger.refuse(receiver, is_rate_limit=True)
    assert receiver.connection.note == "error frames came on this connection"


def test_order_is_judged_within_a_conversation(make_bench):
    bench = make_bench(accounts=2)
    bench.ledger.add_conversation(1, 2, [0, 1])
    sender, other = bench.join(0), bench.join(1)
    bench.ledger.joining(sender, 1)
    bench.ledger.ready(sender, 1, bench.now)
    early, _ = bench.send(sender, 0)
    elsewhere, _ = bench.send(sender, 1)
    bench.deliver(sender, elsewhere)
    bench.wait(4)
    bench.ledger.tick(bench.now)
    assert not bench.ledger.conversations[1].log, "it is forgotten"
    for receiver in (sender, other):
        bench.deliver(receiver, early)
    assert bench.counts.out_of_order == 0


def test_order_is_judged_also_when_the_later_message_is_forgotten(bench):
    sender, other, slo_results = bench.join(0), bench.join(1), bench.join(2)
    early, _ = bench.send(sender)
    later, _ = bench.send(sender)
    for receiver in (sender, other, slo_results):
        bench.deliver(receiver, later)
    for receiver in (sender, other):
        bench.deliver(receiver, early)
    assert bench.counts.out_of_order == 2
    bench.wait(4)
    bench.ledger.tick(bench.now)
    assert 2 not in sender.producer.messages
    bench.deliver(slo_results, early)
    assert bench.finish().out_of_order == 3


def test_unsent_messages_are_planned_and_lag_behind(bench):
    for _ in range(3):
        bench.ledger.unsent(0, bench.now - 700, bench.now)
    assert (bench.finish().planned, bench.counts.unsent) == (3, 3)
    assert bench.ledger.timings.send_lag.count == 3


def test_without_an_echo_the_sender_is_not_due_its_own_message(make_bench):
    bench = make_bench(contract="minimal")
    sender, other = bench.join(0), bench.join(1)
    content, message = bench.send(sender)
    bench.ledger.confirm(sender, message.number)
    bench.ledger.confirm(sender, message.number)
    other.on_message(b'{"deliver":"' + content.encode() + b'","in":1,"from":100}', bench.now, bench.now)
    counts = bench.finish()
    assert (counts.confirmed, counts.due, counts.delivered) == (1, 1, 1)


def test_an_acknowledged_message_still_takes_the_fast_path(make_bench):
    bench = make_bench(contract="minimal")
    sender, first, second = (bench.join(n) for n in range(3))
    content, message = bench.send(sender)
    bench.ledger.confirm(sender, message.number)
    payload = b'{"deliver":"' + content.encode() + b'","in":1,"from":100}'
    frame = bytearray(b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload)
    assert first.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == 0, "nobody has seen it yet"
    first.on_message(payload, bench.now, bench.now, bytes(frame))
    assert second.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == len(frame)
    assert second.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == 0, (
        "a second copy has to be looked at"
    )
    assert sender.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == len(frame)
    counts = bench.finish()
    assert (counts.due, counts.delivered, counts.optional) == (2, 2, 1)


def test_a_known_frame_is_not_taken_from_stale_bytes(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    payload = bench.frame(content)
    frame = bytearray(b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload)
    sender.on_message(payload, bench.now, bench.now, bytes(frame))
    assert other.take_known(frame, 0, len(frame) - 1, bench.now, bench.now, bench.now) == 0
    assert other.take_known(frame, 0, len(frame), bench.now, bench.now, bench.now) == len(frame)


def test_the_last_receiver_or_excuse_completes_a_message(bench):
    sender, other, leaver = bench.join(0), bench.join(1), bench.join(2)
    content, _ = bench.send(sender)
    bench.wait(0.02)
    for receiver in (sender, other):
        bench.deliver(receiver, content)
    bench.wait(1)
    assert bench.ledger.timings.room_complete.count == 0
    bench.ledger.close(leaver, bench.now)
    assert bench.ledger.timings.room_complete.max_us == 20_000


def test_warm_up_is_left_out_of_the_times_and_not_of_the_counts(bench):
    receiver = bench.join()
    bench.ledger.skip_warmup(bench.now + 1)
    for _ in range(2):
        content, _ = bench.send(receiver)
        bench.wait(1)
        bench.deliver(receiver, content)
    assert bench.finish().delivered == 2
    assert bench.ledger.timings.response.count == 1


def test_response_counts_from_the_plan_delivery_from_the_send(bench):
    receiver = bench.join()
    bench.wait(1)
    content, _ = bench.send(receiver, lag_us=30_000)
    bench.wait(0.02)
    bench.deliver(receiver, content)
    timings = bench.ledger.timings
    assert (timings.response.max_us, timings.delivery.max_us, timings.send_lag.max_us) == (50_000, 20_000, 30_000)


def test_after_the_end_whatever_arrives_is_late(bench):
    receiver = bench.join()
    content, _ = bench.send(receiver)
    bench.ledger.finish(bench.now)
    bench.deliver(receiver, content)
    bench.ledger.close(receiver, bench.now)
    counts = bench.counts
    assert (counts.vanished, counts.lost, counts.late, counts.delivered) == (1, 1, 1, 0)
    assert counts.due == counts.delivered + counts.lost + counts.excused


def test_what_was_decided_at_the_end_is_not_decided_again(bench):
    sender, _ = bench.join(0), bench.join(1)
    bench.send(sender)
    bench.wait(70)
    (unseen,) = bench.ledger.unseen()
    bench.ledger.found_in_history(unseen)
    assert bench.finish().lost == 2
    bench.ledger.tick(bench.now)
    bench.wait(70)
    bench.ledger.tick(bench.now)
    assert bench.counts.lost == 2


def test_a_drain_that_was_cut_short_blames_nobody_for_what_is_young(bench):
    sender, other = bench.join(0), bench.join(1)
    old = [bench.send(sender)[0] for _ in range(2)]
    bench.deliver(sender, old[0])
    bench.wait(5)
    young, _ = bench.send(other)
    bench.deliver(sender, young)
    bench.send(other)
    bench.ledger.finish(bench.now, is_hurried=True)
    counts = bench.counts
    assert (counts.vanished, counts.indefinite) == (1, 1)
    assert (counts.due, counts.delivered, counts.lost, counts.excused) == (6, 2, 3, 1)


def test_what_everyone_has_is_forgotten(bench):
    receiver = bench.join()
    for _ in range(1000):
        content, _ = bench.send(receiver)
        bench.deliver(receiver, content)
        bench.wait(0.1)
        bench.ledger.tick(bench.now)
    assert len(receiver.producer.messages) <= 22
    assert len(bench.ledger.conversations[0].log) <= 22


def test_frames_that_are_no_deliveries_go_to_the_session(bench):
    bench.join().on_message(b'{"type":"server_shutdown"}', bench.now, bench.now)
    assert bench.events[0].kind.name == "SHUTDOWN"
    assert bench.finish().received == 0


def test_accounts_that_come_later_are_members_like_the_others(make_bench):
    bench = make_bench(conversations=2, accounts=2)
    bench.ledger.add_members({0: [5]}, [105])
    receiver, sender = bench.join(5), bench.join(0)
    content, _ = bench.send(sender)
    for each in (receiver, sender):
        bench.deliver(each, content)
    counts = bench.finish()
    assert (counts.delivered, counts.leaked, counts.foreign) == (2, 0, 0)
    assert bench.ledger.conversations[1].members == {1}


@pytest.mark.parametrize(("messages", "unproven"), [(199, 995), (200, 0)])
def test_what_doubts_excuse_is_bounded_by_size(messages, unproven):
    bench = Bench(accounts=5)
    receivers = [bench.join(account) for account in range(5)]
    for _ in range(messages):
        bench.send(receivers[0])
    for message in bench.ledger.unseen():
        bench.ledger.found_in_history(message)
    for receiver in receivers:
        receiver.doubt("the loop was late", bench.now)
    bench.wait(10)
    counts = bench.finish()
    assert (counts.lost, counts.lost_unproven) == (5 * messages, unproven)
