"""The heartbeat of the event loop: what a late beat says about the time before it."""

import gevent
import pytest
from gevent.queue import Queue

from hubbub.client.scheduler import GeventScheduler
from hubbub.clock import monotonic_us
from hubbub.health.loop import BEAT_US, LATE_US, LONG_STALL_US, MAX_GAPS, PATIENCE_US, LoopWatch
from hubbub.metrics.histogram import Histogram
from tests.twins.scheduler import FakeScheduler


class Hand:
    """A clock that is set by hand, and a loop that beats when told."""

    def __init__(self):
        self.scheduler = FakeScheduler()
        self.loop = LoopWatch(self.scheduler, lambda: None)

    @property
    def now_us(self):
        return self.scheduler.time_us

    @now_us.setter
    def now_us(self, time_us):
        self.scheduler.time_us = time_us

    def beat(self, late_us=0):
        self.now_us += BEAT_US + late_us
        self.loop.beat()


@pytest.fixture
def hand():
    return Hand()


def test_beats_on_time_leave_no_gap(hand):
    began_us = hand.now_us
    assert hand.loop.take_worst_us() == 0
    for _ in range(10):
        hand.beat(late_us=LATE_US)
    assert hand.loop.gaps_us(began_us, hand.now_us) == 0
    assert hand.loop.take_worst_us() == LATE_US


def test_a_beat_on_time_is_not_late(hand):
    hand.loop.lag = Histogram()
    hand.beat()
    assert hand.loop.lag.buckets == {0: 1}


def test_what_happened_since_the_last_beat_is_not_known_yet(hand):
    hand.beat()
    hand.now_us += 700
    assert hand.loop.late_us == 0
    assert hand.loop.gaps_us(hand.now_us - 2_000, hand.now_us) == 700
    assert hand.loop.gaps_us(hand.now_us - 100, hand.now_us) == 100


def test_a_heartbeat_goes_on_when_what_it_calls_fails(caplog):
    said_before_call = []

    def fail():
        said_before_call.append(caplog.messages[:])
        raise OSError("too many open files")

    loop = LoopWatch(GeventScheduler(), fail)
    loop.start()
    while len(said_before_call) < 3:
        gevent.sleep(0.001)
    loop.stop()
    once = ["The heartbeat of the event loop failed; it goes on."]
    assert loop.failures >= 2
    assert said_before_call[:3] == [[], once, once]
    assert caplog.messages == once
    assert caplog.text.count("Traceback") == 1


def test_a_late_beat_makes_a_gap_since_the_last_one(hand):
    hand.beat()
    began_us = hand.now_us
    hand.beat(late_us=LATE_US + 1)
    ended_us = hand.now_us
    hand.beat()
    assert hand.loop.gaps_us(0, hand.now_us) == ended_us - began_us == BEAT_US + LATE_US + 1
    assert hand.loop.gaps_us(began_us + 5, ended_us - 7) == BEAT_US + LATE_US + 1 - 12
    assert hand.loop.gaps_us(ended_us, hand.now_us) == 0
    assert hand.loop.gaps_us(0, began_us) == 0


def test_gaps_add_up(hand):
    began_us = hand.now_us
    for late_us in (50_000, 0, 30_000):
        hand.beat(late_us)
    assert hand.loop.gaps_us(began_us, hand.now_us) == 80_000 + 2 * BEAT_US
    assert hand.loop.gaps_us(began_us + 50_000 + BEAT_US, hand.now_us) == 30_000 + BEAT_US


def test_a_stall_that_goes_on_counts_as_far_as_it_has_come(hand):
    hand.beat()
    began_us = hand.now_us
    hand.now_us += BEAT_US + 300_000
    assert hand.loop.late_us == 300_000
    assert hand.loop.gaps_us(began_us - 5, hand.now_us) == BEAT_US + 300_000
    assert hand.loop.take_worst_us() == 300_000


def test_the_worst_is_that_since_the_last_time_it_was_taken(hand):
    hand.beat(9_000)
    hand.beat(4_000)
    assert hand.loop.take_worst_us() == 9_000
    assert hand.loop.take_worst_us() == 0
    hand.beat(4_000)
    assert hand.loop.take_worst_us() == 4_000


def test_lateness_is_recorded_only_where_it_is_asked_for(hand):
    hand.beat(5_000)
    hand.loop.lag = Histogram()
    hand.beat(7_000)
    assert (hand.loop.lag.count, hand.loop.lag.max_us) == (1, 7_000)


@pytest.mark.parametrize(("late_us", "expected"), [(LONG_STALL_US - 1, False), (LONG_STALL_US, True)])
def test_a_backend_may_give_up_on_who_stalls_for_a_second(hand, late_us, expected):
    before_us = hand.now_us
    hand.beat(late_us)
    assert hand.loop.may_have_been_given_up() is expected
    assert hand.loop.has_stalled(before_us) is expected
    assert hand.loop.has_stalled(hand.now_us + 1) is False


def test_its_patience_is_known_to_end(hand):
    hand.beat(LONG_STALL_US)
    hand.now_us += PATIENCE_US
    hand.loop._beat_us = hand.now_us
    assert hand.loop.may_have_been_given_up()
    hand.now_us += 1
    assert not hand.loop.may_have_been_given_up()


def test_at_first_there_was_no_stall(hand):
    assert not hand.loop.has_stalled(0)


def test_a_long_stall_that_goes_on_is_one(hand):
    hand.now_us += BEAT_US + LONG_STALL_US
    assert hand.loop.may_have_been_given_up()


def test_gaps_of_long_ago_are_forgotten(hand):
    for _ in range(2 * MAX_GAPS):
        hand.beat(5_000)
    assert hand.loop.gaps_us(0, hand.now_us) == MAX_GAPS * (BEAT_US + 5_000)


@pytest.mark.e2e
def test_a_real_loop_beats_until_it_is_stopped():
    beats = Queue()
    loop = LoopWatch(GeventScheduler(), lambda: beats.put(monotonic_us()))
    loop.start()
    first, second = beats.get(timeout=10), beats.get(timeout=10)
    assert second - first >= BEAT_US / 2
    beating = loop._beating
    loop.stop()
    loop.stop()
    beating.join(timeout=10)
    assert beating.dead
