"""A connection ends, and the backend promised to give the next one what it missed: that is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hubbub.ledger.conftest import SECOND, Bench
from tests.hubbub.ledger.test_paths import wire

WITHIN_S = 60


class Recovering(Bench):
    """A bench whose backend keeps what connections miss for a minute."""

    def __init__(self, **more):
        super().__init__(**more)
        self.contract.recover_s = WITHIN_S
        self.ledger = type(self.ledger)(self.ledger.run, self.contract, range(100, 104))
        self.ledger.add_conversation(0, 1, range(4), self.contract.has_echo)

    def drop(self, receiver, is_fault=False):
        self.ledger.close(receiver, self.now, is_fault=is_fault, is_promised=True)

    def reconnect(self, receiver):
        return self.ledger.open_receiver(receiver.connection.account, lambda *_: None, resumed=receiver)

    def rejoin(self, receiver):
        self.wait(0.01)
        self.ledger.joining(receiver, 0)
        self.ledger.ready(receiver, 0, self.now)

    def say(self, sender, *others):
        content, _ = self.send(sender)
        for each in (sender, *others):
            self.deliver(each, content)
        return content


@pytest.fixture
def bench():
    return Recovering()


def gap(bench, messages=3):
    """Two join, one drops, the other sends; returns sender, dropped one and what was sent."""
    sender, other = bench.join(0), bench.join(1)
    bench.say(sender, other)
    bench.drop(other)
    bench.wait(1)
    return sender, other, [bench.say(sender) for _ in range(messages)]


def figures(counts):
    return (counts.due, counts.delivered, counts.recovered, counts.lost, counts.excused, counts.duplicated)


def test_what_was_missed_is_due_and_recovered(bench):
    sender, other, missed = gap(bench)
    again = bench.reconnect(other)
    for content in missed:  # some backends send it before the join is confirmed
        bench.deliver(again, content)
    bench.rejoin(again)
    bench.say(sender, again)
    counts = bench.finish()
    assert figures(counts) == (10, 10, 3, 0, 0, 0)
    assert (counts.optional, counts.out_of_order) == (0, 0)
    assert bench.ledger.timings.response.count == 7, "how long the gap was is no response"


def test_what_comes_after_the_join_is_recovered_as_well(bench):
    sender, other, missed = gap(bench)
    again = bench.reconnect(other)
    bench.rejoin(again)
    for content in missed:
        bench.deliver(again, content)
    bench.say(sender, again)
    assert figures(bench.finish()) == (10, 10, 3, 0, 0, 0)


def test_what_is_not_recovered_is_lost(bench):
    sender, other, missed = gap(bench)
    again = bench.reconnect(other)
    bench.rejoin(again)
    bench.deliver(again, missed[0])
    bench.say(sender, again)
    assert figures(bench.finish()) == (10, 8, 1, 2, 0, 0)


def test_a_second_copy_is_duplicated(bench):
    sender, other = bench.join(0), bench.join(1)
    had = bench.say(sender, other)
    bench.drop(other)
    missed = bench.say(sender)
    again = bench.reconnect(other)
    for content in (had, missed, missed):
        bench.deliver(again, content)
    bench.rejoin(again)
    assert figures(bench.finish()) == (4, 4, 1, 0, 0, 2)


def test_what_is_recovered_behind_the_present_is_out_of_order(bench):
    sender, other, missed = gap(bench, messages=1)
    again = bench.reconnect(other)
    bench.rejoin(again)
    bench.say(sender, again)
    bench.deliver(again, missed[0])
    counts = bench.finish()
    assert (counts.out_of_order, counts.recovered, counts.lost) == (1, 1, 0)


def test_after_the_promised_time_nothing_more_is_due(bench):
    sender, other, missed = gap(bench)
    bench.tick(WITHIN_S + 1)
    assert figures(bench.counts) == (8, 5, 0, 0, 3, 0)
    again = bench.reconnect(other)
    bench.deliver(again, missed[0])
    bench.rejoin(again)
    bench.say(sender, again)
    counts = bench.finish()
    assert figures(counts) == (10, 7, 0, 0, 3, 0)
    assert counts.optional == 1


def test_who_never_comes_back_is_excused(bench):
    gap(bench)
    assert figures(bench.finish()) == (8, 5, 0, 0, 3, 0)


def test_what_was_lost_before_the_end_stays_lost(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.wait(6)
    bench.drop(other)
    bench.wait(1)
    bench.ledger.abandon(other, bench.now)
    assert figures(bench.finish()) == (2, 1, 0, 1, 0, 0)


def test_an_outage_is_no_time_to_wait_for_a_message(bench):
    sender, other, missed = gap(bench)
    for _ in range(50):
        bench.tick(1)
    again = bench.reconnect(other)
    bench.rejoin(again)
    bench.tick(1)
    for content in missed:
        bench.deliver(again, content)
    bench.say(sender, again)
    assert figures(bench.finish()) == (10, 10, 3, 0, 0, 0)


def test_a_gap_that_was_passed_over_before_waits_again(bench):
    sender, other = bench.join(0), bench.join(1)
    skipped = bench.say(sender)
    bench.say(sender, other)
    bench.wait(4)
    bench.drop(other)
    bench.wait(10)
    again = bench.reconnect(other)
    bench.rejoin(again)
    bench.tick(1)
    bench.deliver(again, skipped)
    counts = bench.finish()
    assert (counts.lost, counts.late, counts.recovered, counts.out_of_order) == (0, 0, 1, 1)


def test_several_tries_keep_the_promise(bench):
    sender, other, missed = gap(bench)
    first = bench.reconnect(other)
    bench.deliver(first, missed[0])
    bench.drop(first)
    second = bench.reconnect(first)
    for content in missed[1:]:
        bench.deliver(second, content)
    bench.rejoin(second)
    bench.say(sender, second)
    assert figures(bench.finish()) == (10, 10, 3, 0, 0, 0)


def test_who_was_never_ready_has_no_promise(bench):
    sender, other = bench.join(0), bench.connect(1)
    bench.ledger.joining(other, 0)
    bench.drop(other)
    bench.say(sender)
    again = bench.reconnect(other)
    bench.rejoin(again)
    bench.say(sender, again)
    assert figures(bench.finish()) == (3, 3, 0, 0, 0, 0)


def test_losses_after_an_end_of_our_own_are_not_proven(bench):
    sender, other = bench.join(0), bench.join(1)
    content, _ = bench.send(sender)
    bench.deliver(sender, content)
    bench.drop(other, is_fault=True)
    again = bench.reconnect(other)
    bench.rejoin(again)
    bench.say(sender, again)
    counts = bench.finish()
    assert (counts.lost, counts.lost_unproven) == (1, 1)


def test_messages_of_a_resumed_connection_are_a_new_senders(bench):
    sender, other = bench.join(0), bench.join(1)
    bench.say(other, sender)
    bench.drop(other)
    again = bench.reconnect(other)
    bench.rejoin(again)
    content, message = bench.send(again)
    assert (message.producer.id, message.number) == (again.producer.id, 1)
    assert message.producer.id != other.producer.id
    for each in (again, sender):
        bench.deliver(each, content)
    assert figures(bench.finish()) == (4, 4, 0, 0, 0, 0)


def test_without_an_echo_own_messages_are_due_on_neither_side(make_bench):
    bench = Recovering()
    bench.ledger.add_conversation(0, 1, range(4), has_echo=False)
    sender, other = bench.join(0), bench.join(1)
    first, _ = bench.send(sender)
    bench.drop(sender)
    bench.deliver(other, first)
    again = bench.reconnect(sender)
    bench.rejoin(again)
    second, _ = bench.send(again)
    bench.deliver(other, second)
    assert figures(bench.finish()) == (2, 2, 0, 0, 0, 0)


def test_a_caught_up_subscription_is_fast_again(bench):
    sender, other, missed = gap(bench)
    again = bench.reconnect(other)
    bench.rejoin(again)
    bench.tick(1)
    assert not again.subscription.is_plain
    for content in missed:
        bench.deliver(again, content)
    bench.tick(1)
    assert again.subscription.is_plain
    bench.say(sender, again)
    assert figures(bench.finish()) == (10, 10, 3, 0, 0, 0)


def test_the_newest_unit_is_what_the_dialogue_was_not_shown(bench):
    sender, other = bench.join(0), bench.join(1)
    assert other.newest_unit == b""
    content, _ = bench.send(sender)
    frame = wire(bench.frame(content))
    bench.deliver(sender, content)
    sender.on_message(bench.frame(content), bench.now, bench.now, frame)
    assert sender.newest_unit == b"", "the first receiver's dialogue saw it"
    content, message = bench.send(sender)
    frame = wire(bench.frame(content))
    sender.on_message(bench.frame(content), bench.now, bench.now, frame)
    other.subscription.cursor = other.subscription.log.index_of(message)
    assert other.take_known(bytearray(frame), 0, len(frame), bench.now, bench.now, bench.now) == len(frame)
    assert other.newest_unit == bench.frame(content)
    bench.tick(3)
    assert other.newest_unit == bench.frame(content), "also after the message was forgotten"
    content, _ = bench.send(other)
    bench.deliver(other, content)
    assert other.newest_unit == b"", "its own dialogue was shown a newer one"


def test_too_many_messages_end_the_promise(bench, monkeypatch):
    monkeypatch.setattr("hubbub.ledger.ledger.MOST_KEPT", 5)
    _, other, _ = gap(bench, messages=6)
    bench.tick(1)
    assert figures(bench.counts) == (14, 8, 0, 0, 6, 0)
    again = bench.reconnect(other)
    assert "it was gone for more than 5 messages" in again.connection.note


STEPS = st.lists(st.sampled_from(["say", "drop", "back", "tick", "long"]), max_size=40)


@given(STEPS, st.booleans())
def test_whatever_happens_the_sums_are_right(steps, keeps_promise):
    bench = Recovering()
    sender, link, is_there, missed = bench.join(0), bench.join(1), True, []
    delivered = recovered = not_given = dropped_us = 0
    for step in steps:
        bench.wait(0.01)
        if step == "say":
            content = bench.say(sender, *([link] if is_there else []))
            delivered += 1 + is_there
            missed += [] if is_there else [content]
        elif step == "drop" and is_there:
            bench.drop(link)
            is_there, dropped_us, missed = False, bench.now, []
        elif step == "back" and not is_there:
            if bench.now - dropped_us > WITHIN_S * SECOND:
                bench.ledger.tick(bench.now)
                missed = []
            link, is_there = bench.reconnect(link), True
            for content in missed if keeps_promise else ():
                bench.deliver(link, content)
            bench.rejoin(link)
            recovered += len(missed) if keeps_promise else 0
            not_given += 0 if keeps_promise else len(missed)
        elif step in ("tick", "long"):
            bench.tick(1 if step == "tick" else 40)
    counts = bench.finish()
    assert (counts.delivered, counts.recovered) == (delivered + recovered, recovered)
    assert counts.lost <= not_given <= counts.lost + counts.excused
    assert counts.duplicated == counts.late == counts.optional == counts.out_of_order == 0
