"""A ledger's figures so far: by conversation, in all, in flight, and by second."""


def test_counts_add_up_over_conversations_and_what_belongs_to_none(make_bench):
    bench = make_bench(conversations=2, accounts=2)
    first, second = bench.join(0, 0), bench.join(1, 1)
    for receiver, index in ((first, 0), (second, 1), (second, 1)):
        content, _ = bench.send(receiver, index)
        bench.deliver(receiver, content, account=index, conversation=index)
    bench.deliver(first, "somebody else's", account=77)
    by_conversation = bench.ledger.conversation_counts()
    assert {index: counts.delivered for index, counts in by_conversation.items()} == {0: 1, 1: 2}
    assert (bench.counts.delivered, bench.counts.foreign) == (3, 1)


def test_what_is_on_its_way_is_in_flight(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    assert bench.ledger.in_flight() == 2
    bench.deliver(sender, content)
    assert bench.ledger.in_flight() == 1
    bench.deliver(other, content)
    assert bench.ledger.in_flight() == 0


def test_a_warm_up_is_counted_and_not_timed(bench):
    receiver = bench.join(0)
    bench.ledger.skip_warmup(bench.now + 1)
    content, _ = bench.send(receiver)
    bench.deliver(receiver, content)
    assert (bench.counts.delivered, bench.ledger.timings.response.count) == (1, 0)


def test_a_second_without_low_ends_has_none(bench):
    receiver = bench.join(0)
    content, _ = bench.send(receiver)
    bench.wait(0.5)
    bench.deliver(receiver, content)
    bench.ledger.close_second(has_low_ends=False)
    timings = bench.ledger.timings
    assert (timings.response.count, timings.low.all().count, timings.low.all().max_us) == (1, 1, 0)
