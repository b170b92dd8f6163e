"""What a loss does to the times, the two ends of each, and how counts add up."""

import pytest

from hubbub.ledger import Counts
from hubbub.ledger.log import FLUSHED_AT_ONCE
from hubbub.ledger.receiver import REOPENING_US
from hubbub.metrics.histogram import bucket_of
from hubbub.serialization import from_plain, to_plain


def test_a_loss_is_worth_its_age_at_the_decision(bench):
    sender, other = bench.join(0), bench.join(1)
    bench.wait(1)
    content, _ = bench.send(sender, lag_us=100_000)
    bench.deliver(sender, content)
    bench.wait(6)
    bench.ledger.close(other, bench.now)
    timings = bench.ledger.timings
    assert timings.response.quantile_us(1.0) == (timings.response.quantile_us(1.0)[0], True)
    assert abs(timings.response.quantile_us(1.0)[0] - 6_100_000) <= 0.004 * 6_100_000
    assert abs(timings.delivery.quantile_us(1.0)[0] - 6_000_000) <= 0.004 * 6_000_000
    assert abs(timings.room_complete.quantile_us(1.0)[0] - 6_100_000) <= 0.004 * 6_100_000


def test_a_room_is_incomplete_once_however_many_miss_the_message(bench):
    sender, *others = (bench.join(n) for n in range(4))
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert counts.lost == len(others)
    assert bench.ledger.timings.room_complete.count == 1
    assert bench.ledger.timings.response.count == 4


def test_a_receiver_after_a_loss_completes_nothing(bench):
    sender, lost, slow = (bench.join(n) for n in range(3))
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.wait(6)
    bench.ledger.close(lost, bench.now)
    bench.deliver(slow, content)
    room_complete = bench.ledger.timings.room_complete
    assert (room_complete.count, room_complete.max_us) == (1, None)


def test_a_loss_after_a_closed_window_is_not_proven(bench):
    sender, other = bench.join(0), bench.join(1)
    contents = []
    for _ in range(3):
        contents.append(bench.send(sender)[0])
        bench.deliver(sender, contents[-1])
        bench.wait(1)
    other.on_window_closed(bench.now - 1_500_000 - REOPENING_US)
    counts = bench.finish()
    assert (counts.lost, counts.lost_unproven) == (3, 2), "the last one was sent after the window had opened again"
    evidence = [finding.explanation for finding in bench.ledger.findings.kept if finding.kind == "lost"]
    assert evidence == ["the generator did not read, and its receive window closed"] * 3
    low, response = bench.ledger.timings.low.all(), bench.ledger.timings.response
    assert (low.count, low.censored_count) == (6, 1)
    assert (response.count, response.censored_count) == (6, 3)


def test_a_doubt_at_the_moment_of_the_send_is_a_doubt(bench):
    sender, other, gone, here = (bench.join(n) for n in range(4))
    content, message = bench.send(sender)
    for receiver in (other, gone, here):
        receiver.doubt("busy", message.sent_us)
    bench.wait(6)
    bench.ledger.close(gone, bench.now)
    payload = bench.frame(content)
    frame = bytes((0x81, 126, *len(payload).to_bytes(2, "big"))) + payload
    sender.on_message(payload, bench.now, bench.now, frame)
    assert here.take_known(bytearray(frame), 0, len(frame), bench.now, bench.now, bench.now) == len(frame)
    assert bench.finish().lost_unproven == 2
    assert bench.ledger.timings.low.all().buckets.get(0) == 3, "two losses, and an arrival that might have come sooner"
    assert bench.ledger.timings.room_low.all().buckets == {0: 1}


def test_an_arrival_at_the_moment_of_a_doubt_has_low_end_0(bench):
    receiver = bench.join(0)
    content, message = bench.send(receiver)
    receiver.doubt("busy", message.sent_us)
    receiver.on_message(bench.frame(content), bench.now + 500, bench.now + 400)
    timings = bench.ledger.timings
    assert timings.low.all().buckets == timings.room_low.all().buckets == {0: 1}


def test_a_first_frame_that_waited_is_known_by_its_stamp(bench):
    sender, other = bench.join(0), bench.join(1)
    content, message = bench.send(sender)
    payload = bench.frame(content)
    frame = bytes((0x81, 126, *len(payload).to_bytes(2, "big"))) + payload
    sender.on_message(payload, bench.now, bench.now, frame)
    late_us = bench.now + 900_000
    assert other.take_known(bytearray(frame), 0, len(frame), late_us, message.sent_us + 3, message.sent_us + 1) > 0
    assert bench.ledger.timings.low.all().buckets == {0: 1, 3: 1}


def test_a_common_backend_wait_is_taken_off_every_arrival(make_bench):
    bench = make_bench(backend_wait=Waiting(lambda _from, _to: 30))
    sender, other = bench.join(0), bench.join(1)
    content, message = bench.send(sender)
    frame = bench.frame(content)
    for receiver, delay_us in ((sender, 100), (other, 50)):
        receiver.on_message(frame, message.tried_us + delay_us, message.tried_us + delay_us)
    assert bench.ledger.timings.low.all().buckets == {20: 1, 70: 1}
    assert bench.ledger.timings.room_low.all().buckets == {70: 1}


@pytest.mark.parametrize("is_proven", [True, False])
def test_the_low_end_of_a_loss_is_its_age_if_proven_else_0(bench, is_proven):
    sender, other = bench.join(0), bench.join(1)
    content, message = bench.send(sender)
    message.tried_us += 1_000_000
    sender.on_message(bench.frame(content), message.tried_us, message.tried_us)
    bench.wait(6)
    if not is_proven:
        other.doubt("busy", bench.now)
    assert bench.finish().lost == 1
    timings = bench.ledger.timings
    for low in (timings.low.all(), timings.room_low.all()):
        if is_proven:
            assert abs(low.quantile_us(1.0)[0] - 5_000_000) <= 0.004 * 5_000_000
            assert low.censored_count == 1
        else:
            assert (low.censored_count, low.max_us) == (0, 0)


def test_an_arrival_that_overtook_others_has_its_own_stamp(bench):
    sender, other = bench.join(0), bench.join(1)
    contents = [bench.send(sender)[0] for _ in range(2)]
    for content in contents:
        sender.on_message(bench.frame(content), bench.now, bench.now)
    for content, delay_us in ((contents[1], 40), (contents[0], 60)):
        other.on_message(bench.frame(content), bench.now + 100, bench.now + delay_us)
    assert bench.ledger.timings.low.all().buckets == {0: 2, 40: 1, 60: 1}


def test_indefinite_messages_of_our_own_doing_add_up(bench):
    one, two, three = (bench.join(n) for n in range(3))
    for receiver in (one, two, three):
        bench.send(receiver)
    bench.ledger.close(one, bench.now, is_fault=True)
    bench.ledger.close(two, bench.now, is_ours=True)
    bench.ledger.close(three, bench.now)
    counts = bench.finish()
    assert (counts.indefinite, counts.indefinite_unproven) == (3, 2)
    assert one.connection.note == "the generator may have ended the connection"


def test_a_loss_where_we_ended_the_connection_is_unproven(bench):
    sender, one, two = (bench.join(n) for n in range(3))
    content, _ = bench.send(sender)
    bench.wait(6)
    bench.ledger.close(one, bench.now, is_fault=True)
    bench.ledger.close(two, bench.now, is_ours=True)
    bench.deliver(sender, content)
    counts = bench.finish()
    assert (counts.lost, counts.lost_unproven) == (2, 1)


@pytest.mark.parametrize(("how", "unproven"), [({}, 0), ({"is_ours": True}, 1), ({"is_fault": True}, 1)])
def test_indefinite_is_proven_unless_we_ended_the_connection(bench, how, unproven):
    sender = bench.join(0)
    bench.send(sender)
    bench.ledger.close(sender, bench.now + 1, **how)
    counts = bench.finish()
    assert (counts.indefinite, counts.indefinite_unproven) == (1, unproven)


def test_what_a_hurried_end_leaves_open_is_our_own_doing(bench):
    sender = bench.join(0)
    bench.send(sender)
    bench.ledger.finish(bench.now + 1, is_hurried=True)
    assert (bench.counts.indefinite, bench.counts.indefinite_unproven) == (1, 1)


@pytest.mark.parametrize(("is_read_back", "vanished"), [(True, 1), (False, 0)])
def test_a_possibly_missed_answer_needs_the_history_to_vanish(bench, is_read_back, vanished):
    sender = bench.join(0)
    _, message = bench.send(sender)
    bench.wait(6)
    sender.doubt("not all was read", message.sent_us)
    if is_read_back:
        bench.ledger.conversations[0].is_read_back = True
    counts = bench.finish()
    assert (counts.vanished, counts.indefinite, counts.indefinite_unproven) == (vanished, 1 - vanished, 1 - vanished)


def test_what_arrives_after_a_closed_window_has_a_low_end_of_0(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    payload = bench.frame(content)
    frame = bytes((0x81, 126, *len(payload).to_bytes(2, "big"))) + payload
    sender.on_message(payload, bench.now + 5, bench.now + 5, frame)
    other.on_window_closed(bench.now)
    late_us = bench.now + 3_000_000
    assert other.take_known(bytearray(frame), 0, len(frame), late_us, late_us, late_us) == len(frame)
    assert bench.ledger.timings.low.all().buckets == {0: 1, 5: 1}
    later, _ = bench.send(sender)
    other.on_message(bench.frame(later), late_us, late_us)
    assert bench.ledger.timings.low.all().buckets == {0: 2, 5: 1}, "the backend's own queue was still full"


def test_low_ends_count_from_the_try_to_the_arrival(bench):
    sender, other = bench.join(0), bench.join(1)
    bench.wait(1)
    content, message = bench.send(sender, lag_us=100_000)
    message.tried_us += 50
    frame = bench.frame(content)
    arrived_us = message.sent_us + 200
    sender.on_message(frame, message.sent_us + 70_000, arrived_us)
    other.on_message(frame, message.sent_us + 70_000, message.sent_us - 5)
    timings = bench.ledger.timings
    assert (timings.response.min_us, timings.delivery.min_us) == (170_000, 70_000)
    assert (timings.low.all().min_us, timings.low.all().max_us) == (0, 150)
    assert (timings.room_low.all().min_us, timings.room_complete.min_us) == (150, 170_000)
    assert timings.low.all().count == timings.response.count == 2


def test_only_the_end_of_a_read_has_its_stamp(bench):
    sender, other = bench.join(0), bench.join(1)
    contents = [bench.send(sender)[0] for _ in range(2)]
    buffer = bytearray()
    for content in contents:
        payload = bench.frame(content)
        frame = bytes((0x81, 126, *len(payload).to_bytes(2, "big"))) + payload
        sender.on_message(payload, bench.now, bench.now, frame)
        buffer += frame
    bench.wait(1)
    size, late_us = len(buffer), bench.now
    assert other.take_known(buffer, 0, size, late_us, late_us - 10, late_us - 700_000) == size
    low = bench.ledger.timings.low.all()
    assert sorted(low.buckets.values()) == [1, 1, 2]
    assert low.max_us == 1_000_000 - 10
    assert low.count_from(299_000) == (2, 2)


class Waiting:
    """A backend that waits, and whose waits are known until a time."""

    def __init__(self, waited_us, known_until_us=1 << 60):
        self.waited_us = waited_us
        self.known_until_us = known_until_us

    def knows(self, until_us):
        return until_us <= self.known_until_us


def test_backend_waits_are_taken_off_each_low_end(make_bench):
    waits = []

    def waited_us(from_us, to_us):
        waits.append((from_us, to_us))
        return (to_us - from_us) // 2

    bench = make_bench(backend_wait=Waiting(waited_us))
    sender, other = bench.join(0), bench.join(1)
    content, message = bench.send(sender)
    frame = bench.frame(content)
    sender.on_message(frame, bench.now + 400, bench.now + 400)
    other.on_message(frame, bench.now + 1_000, bench.now + 900)
    low = bench.ledger.timings.low.all()
    assert low.buckets == {200: 1, bucket_of(400): 1}
    assert bench.ledger.timings.room_low.all().buckets == {bucket_of(400): 1}
    assert set(waits) == {(message.tried_us, message.tried_us + 400), (message.tried_us, message.tried_us + 1_000)}


def test_a_wait_that_ends_after_the_earliest_possible_arrival_counts(make_bench):
    """The backend ran from 945 on, and sent then; the frame may have come from 920 on, when its wait still went on."""
    bench = make_bench(backend_wait=Waiting(lambda _from, to_us: 945 if to_us - bench.now >= 945 else 0))
    receiver = bench.join(0)
    content, _ = bench.send(receiver)
    receiver.on_message(bench.frame(content), bench.now + 946, bench.now + 920)
    assert bench.ledger.timings.low.all().buckets == {0: 1}


def test_arrivals_wait_until_what_the_backend_waited_is_known(make_bench):
    backend = Waiting(lambda _from, _to: 0, known_until_us=0)
    bench = make_bench(backend_wait=backend)
    receiver = bench.join(0)
    messages = []
    for _ in range(3):
        content, message = bench.send(receiver)
        bench.deliver(receiver, content)
        messages.append(message)
    assert [len(message.arrivals) for message in messages] == [1, 1, 1]
    backend.known_until_us = bench.now
    bench.deliver(receiver, bench.send(receiver)[0])
    assert [len(message.arrivals) for message in messages] == [0, 0, 0], "the next message takes them in"


def test_each_new_message_flushes_a_few_old_arrivals(make_bench):
    backend = Waiting(lambda _from, _to: 0, known_until_us=0)
    bench = make_bench(backend_wait=backend)
    receiver = bench.join(0)
    messages = []
    for _ in range(3 * FLUSHED_AT_ONCE):
        content, message = bench.send(receiver)
        bench.deliver(receiver, content)
        messages.append(message)
    backend.known_until_us = bench.now
    for taken_in in (1, 2, 3):
        bench.deliver(receiver, bench.send(receiver)[0])
        waiting = [len(message.arrivals) for message in messages]
        assert waiting == [0] * taken_in * FLUSHED_AT_ONCE + [1] * (3 - taken_in) * FLUSHED_AT_ONCE
    bench.tick(10)
    bench.deliver(receiver, bench.send(receiver)[0])
    assert bench.counts.delivered == len(messages) + 4


def test_low_ends_are_told_apart_by_how_late_their_message_was_sent(make_bench):
    bench = make_bench(tolerances_us=(1_000, 50_000))
    receiver = bench.join(0)
    bench.wait(1)
    for lag_us in (0, 1_000, 1_001, 50_001):
        content, _ = bench.send(receiver, lag_us=lag_us)
        bench.deliver(receiver, content)
    low = bench.ledger.timings.low
    assert [low.on_time(limit).count for limit in (999, 1_000, 50_000, 1 << 40)] == [0, 2, 3, 4]


def test_a_second_without_believable_stamps_has_low_ends_of_0(bench):
    sender, other, slow = (bench.join(n) for n in range(3))
    bench.wait(1)
    content, _ = bench.send(sender)
    bench.wait(0.5)
    bench.deliver(sender, content)
    bench.deliver(other, content)
    bench.ledger.close_second(has_low_ends=False)
    bench.deliver(slow, content)
    bench.ledger.close_second(has_low_ends=True)
    low = bench.ledger.timings.low.all()
    assert (low.count, low.min_us, low.max_us, low.count_from(1)) == (3, 0, 500_000, (1, 1))
    assert bench.ledger.timings.room_low.all().max_us == 500_000, "the last arrival came in a good second"


def test_what_a_bad_second_said_of_a_room_is_forgotten(bench):
    sender, other = bench.join(0), bench.join(1)
    content, message = bench.send(sender)
    frame = bench.frame(content)
    sender.on_message(frame, bench.now + 900, bench.now + 900)
    bench.ledger.close_second(has_low_ends=False)
    other.on_message(frame, bench.now + 1_000, message.tried_us - 1)
    assert bench.ledger.timings.room_low.all().max_us == 0


def test_what_is_in_flight_is_due_and_not_here(bench):
    sender, *others = (bench.join(n) for n in range(3))
    assert bench.ledger.in_flight() == 0
    content, _ = bench.send(sender)
    assert bench.ledger.in_flight() == 3, "nobody has seen it yet"
    bench.deliver(sender, content)
    assert bench.ledger.in_flight() == 2
    for other in others:
        bench.deliver(other, content)
    assert bench.ledger.in_flight() == 0


def test_a_loss_during_warm_up_is_counted_and_not_timed(bench):
    sender, _ = bench.join(0), bench.join(1)
    bench.ledger.skip_warmup(bench.now + 1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    assert bench.finish().lost == 1
    assert bench.ledger.timings.response.count == 0


def test_a_closed_second_goes_into_all(bench):
    receiver = bench.join()
    for _ in range(3):
        content, _ = bench.send(receiver)
        bench.deliver(receiver, content)
        assert bench.ledger.latencies.second.response.count == 1
        bench.ledger.close_second(has_low_ends=True)
        assert bench.ledger.latencies.second.response.count == 0
    assert bench.ledger.timings.response.count == 3
    content, _ = bench.send(receiver)
    bench.deliver(receiver, content)
    assert bench.ledger.timings.response.count == bench.ledger.timings.low.all().count == 4


def test_optional_arrivals_count_one_by_one_and_keep_the_drain_awake(bench):
    sender, idle = bench.join(0), bench.connect(0)
    for _ in range(3):
        content, _ = bench.send(sender)
        bench.deliver(sender, content)
        bench.wait(1)
        bench.deliver(idle, content)
    assert bench.counts.optional == 3
    assert bench.ledger.latencies.last_first_arrival_us == bench.now


def test_unsent_messages_add_up(bench):
    bench.ledger.unsent(0, bench.now, bench.now)
    bench.ledger.unsent(0, bench.now - 5_000, bench.now)
    assert bench.counts.unsent == 2
    assert min(bench.ledger.timings.send_lag.censored) == 0
    assert len(bench.ledger.timings.send_lag.censored) == 2


def test_every_conversation_has_counts_of_its_own(make_bench):
    bench = make_bench(conversations=2, accounts=2)
    receivers = [bench.join(0, 0), bench.join(1, 1)]
    for _ in range(2):
        content, _ = bench.send(receivers[0], 0)
        bench.deliver(receivers[0], content)
        bench.deliver(receivers[0], content)
        bench.deliver(receivers[1], content)
    bench.send(receivers[1], 1)
    bench.ledger.unsent(1, bench.now, bench.now)
    bench.deliver(receivers[1], "good morning", account=900)
    bench.wait(6)
    total = bench.finish()
    one, other = (bench.ledger.conversations[index].counts for index in (0, 1))
    assert (one.sent, one.confirmed, one.due, one.delivered, one.duplicated, one.leaked) == (2, 2, 2, 2, 2, 2)
    assert (other.sent, other.vanished, other.due, other.lost, other.unsent) == (1, 1, 1, 1, 1)
    assert (one.foreign, other.foreign, total.foreign) == (0, 0, 1)
    assert (total.sent, total.due, total.lost, total.received) == (3, 3, 1, 7)


def test_counts_of_workers_add_up_and_travel_unchanged():
    one = Counts(**{name: number for number, name in enumerate(Counts.__slots__, 1)})
    total = Counts(sent=100)
    total.add(one)
    total.add(from_plain(Counts, to_plain(one)))
    expected = {name: 2 * number for number, name in enumerate(Counts.__slots__, 1)}
    expected["sent"] += 100
    assert to_plain(total) == expected
