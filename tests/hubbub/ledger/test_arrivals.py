"""Every frame that brings a message is of exactly one class, whatever it claims."""

import pytest

from hubbub.ledger import encode_tag
from tests.hubbub.ledger.conftest import RUN, SECOND


@pytest.mark.parametrize(
    ("content", "account", "figure"),
    [
        ("hello", 3, "corrupt"),
        ("hello", 900, "foreign"),
        (encode_tag(RUN + 1, 0, 1, 1, 0, 0, " x") + " x", 3, "foreign"),
        (encode_tag(RUN, 9, 1, 1, 0, 0, " x") + " x", 3, "leaked"),
        (encode_tag(RUN, 0, 1, 1, 0, 0, " x") + " y", 3, "corrupt"),
        (encode_tag(RUN, 0, 77, 1, 0, 0, " x") + " x", 3, "optional"),
    ],
)
def test_what_is_no_message_of_ours_has_a_class(bench, content, account, figure):
    receiver = bench.join()
    bench.deliver(receiver, content, account=account)
    counts = bench.finish()
    assert getattr(counts, figure) == counts.received == 1


def test_a_delivery_to_a_non_member_is_leaked(make_bench):
    bench = make_bench(conversations=2)
    sender, other = bench.join(0, 0), bench.join(1, 1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.deliver(other, content)
    counts = bench.finish()
    assert (counts.delivered, counts.leaked) == (1, 1)


def test_what_is_seen_for_the_first_time_after_the_end_is_late(bench):
    sender, other = bench.join(), bench.join(1)
    content, message = bench.send(sender)
    bench.ledger.refuse(sender, False)
    bench.finish()
    bench.deliver(other, content)
    assert not message.is_seen
    assert (bench.counts.late, bench.counts.refused) == (1, 1)


def test_what_is_sent_after_an_outage_is_caught_up(bench):
    sender, receiver = bench.join(0), bench.join(1)
    bench.ledger.close(receiver, bench.now)
    bench.wait(30)
    back = bench.join(1)
    old, _ = bench.send(sender, lag_us=20 * SECOND)
    new, _ = bench.send(sender)
    for content in (old, new):
        bench.deliver(back, content)
    counts = bench.counts
    assert (counts.optional, counts.caught_up) == (1, 1)
