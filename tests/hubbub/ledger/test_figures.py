"""What a loss does to the times, clean seconds, and how counts add up."""

from hubbub.ledger import Counts


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


def test_a_receiver_that_comes_after_a_loss_does_not_complete_the_room(bench):
    sender, lost, slow = (bench.join(n) for n in range(3))
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.wait(6)
    bench.ledger.close(lost, bench.now)
    bench.deliver(slow, content)
    room_complete = bench.ledger.timings.room_complete
    assert (room_complete.count, room_complete.max_us) == (1, None)


def test_losses_are_clean_or_not_by_the_time_they_had(bench):
    spans = []

    def is_clean(from_us, to_us):
        spans.append((from_us, to_us))
        return len(spans) % 2 == 0

    bench.ledger.is_clean = is_clean
    sender, _ = bench.join(0), bench.join(1)
    for _ in range(3):
        content, message = bench.send(sender)
        bench.deliver(sender, content)
    bench.wait(2)
    counts = bench.finish()
    assert (counts.lost, counts.lost_unclean) == (3, 2)
    assert spans == [(message.sent_us, bench.now)] * 3
    figures = bench.ledger.figures
    assert sum(figures.timings.response.censored.values()) == 3
    assert sum(figures.clean.response.censored.values()) == 1


def test_a_loss_had_its_time_five_seconds_after_the_send(bench):
    spans = []
    bench.ledger.is_clean = lambda *span: spans.append(span) or True
    sender, _ = bench.join(0), bench.join(1)
    content, message = bench.send(sender)
    bench.deliver(sender, content)
    bench.wait(60)
    bench.finish()
    assert spans == [(message.sent_us, message.sent_us + 5_000_000)]


def test_a_loss_during_warm_up_is_counted_and_not_timed(bench):
    sender, _ = bench.join(0), bench.join(1)
    bench.ledger.skip_warmup(bench.now + 1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    assert bench.finish().lost == 1
    assert bench.ledger.timings.response.count == 0


def test_a_closed_second_goes_into_all_and_if_clean_into_the_clean_ones(bench):
    link = bench.join()
    for is_clean in (True, False, True):
        content, _ = bench.send(link)
        bench.deliver(link, content)
        assert bench.ledger.figures.second.response.count == 1
        bench.ledger.figures.close_second(is_clean)
        assert bench.ledger.figures.second.response.count == 0
    assert bench.ledger.timings.response.count == 3
    assert bench.ledger.figures.clean.response.count == 2
    content, _ = bench.send(link)
    bench.deliver(link, content)
    assert bench.ledger.timings.response.count == 4


def test_optional_arrivals_count_one_by_one_and_keep_the_drain_awake(bench):
    sender, idle = bench.join(0), bench.connect(0)
    for _ in range(3):
        content, _ = bench.send(sender)
        bench.deliver(sender, content)
        bench.wait(1)
        bench.deliver(idle, content)
    assert bench.counts.optional == 3
    assert bench.ledger.figures.last_first_arrival_us == bench.now


def test_unsent_messages_add_up(bench):
    bench.ledger.unsent(0, bench.now, bench.now)
    bench.ledger.unsent(0, bench.now - 5_000, bench.now)
    assert bench.counts.unsent == 2
    assert min(bench.ledger.timings.send_lag.censored) == 0
    assert len(bench.ledger.timings.send_lag.censored) == 2


def test_every_conversation_has_counts_of_its_own(make_bench):
    bench = make_bench(conversations=2, accounts=2)
    links = [bench.join(0, 0), bench.join(1, 1)]
    for _ in range(2):
        content, _ = bench.send(links[0], 0)
        bench.deliver(links[0], content)
        bench.deliver(links[0], content)
        bench.deliver(links[1], content)
    bench.send(links[1], 1)
    bench.ledger.unsent(1, bench.now, bench.now)
    bench.deliver(links[1], "good morning", account=900)
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
    total.add(Counts.from_dict(one.to_dict()))
    expected = {name: 2 * number for number, name in enumerate(Counts.__slots__, 1)}
    expected["sent"] += 100
    assert total.to_dict() == expected
