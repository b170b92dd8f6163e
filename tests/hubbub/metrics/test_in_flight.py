"""Little's law: it holds for what is right, and not for a wrong count or a wrong time."""

from random import Random

import pytest

from hubbub.metrics.histogram import Histogram, middle_of
from hubbub.metrics.in_flight import MIN_SAMPLES, InFlight
from hubbub.serialization import from_plain, to_plain

SECOND = 1_000_000


def queue(seed, seconds=60, rate=50):
    """Arrivals at random times that stay for random times: a histogram of the times, and samples of how many are in."""
    random = Random(seed)
    stays = []
    at_us = 0.0
    while at_us < seconds * SECOND:
        at_us += random.expovariate(rate / SECOND)
        stays.append((at_us, at_us + random.uniform(0, 400_000)))
    histogram, in_flight = Histogram(), InFlight()
    for began_us, ended_us in stays:
        histogram.record(round(ended_us - began_us))
    at_us, since_us = 1.0, 0.0
    while at_us < seconds * SECOND:
        in_flight.sample(sum(began_us <= at_us < ended_us for began_us, ended_us in stays), round(since_us))
        since_us = random.expovariate(4 / SECOND)
        at_us += since_us
    return histogram, in_flight


@pytest.mark.parametrize("seed", range(20))
def test_it_holds_for_any_queue(seed):
    histogram, in_flight = queue(seed)
    assert in_flight.disagreement(histogram, workers=0) == ""


@pytest.mark.parametrize("fault", ["half are not counted", "times are doubled", "all are counted twice"])
def test_it_does_not_hold_for_wrong_figures(fault):
    histogram, in_flight = queue(1)
    wrong = Histogram()
    for bucket, count in histogram.buckets.items():
        number, time_us = count, round(middle_of(bucket))
        if fault == "half are not counted":
            number //= 2
        elif fault == "all are counted twice":
            number *= 2
        else:
            time_us *= 2
        for _ in range(number):
            wrong.record(time_us)
    assert "Little's law" in in_flight.disagreement(wrong, workers=0)


def test_too_little_tells_nothing():
    histogram, in_flight = Histogram(), InFlight()
    histogram.record(SECOND)
    for _ in range(MIN_SAMPLES - 1):
        in_flight.sample(1_000, 1)
    assert in_flight.disagreement(histogram, 0) == ""
    in_flight.sample(1_000, 100)
    assert in_flight.disagreement(histogram, 0)
    histogram.censor(5)
    assert in_flight.disagreement(histogram, 0) == "", "a loss has no time"


def test_workers_means_add_up():
    histogram = Histogram()
    one, other = InFlight(), InFlight()
    for n in range(101):
        one.sample(3, 10_000 if n else 0)
        other.sample(5, 10_000 if n else 0)
        for _ in range(8 if n else 0):
            histogram.record(10_000)
    total = InFlight()
    for worker in (one, from_plain(InFlight, to_plain(other))):
        total.merge(worker)
    assert (total.samples, total.span_us) == (202, 2_000_000)
    assert total.disagreement(histogram, workers=2) == ""
    assert "8.0 deliveries were in flight on average" in total.disagreement(Histogram(), workers=2)


def test_bursts_that_are_rare_may_be_in_no_sample():
    histogram, in_flight = Histogram(), InFlight()
    for n in range(100):
        in_flight.sample(0, 200_000 if n else 0)
    for _ in range(1_728):
        histogram.record(1_300)
    assert in_flight.disagreement(histogram, 1, burst=12) == ""
    assert in_flight.disagreement(histogram, 1, burst=0.01), "so many that go alone are not overlooked"


def test_samples_that_were_late_were_not_taken_at_random():
    histogram = Histogram()
    for _ in range(1_000):
        histogram.record(10_000)
    for late_us, is_told in ((900, True), (1_100, False)):
        in_flight = InFlight()
        for n in range(100):
            in_flight.sample(50, 10_000 if n else 0, late_us)
        assert bool(in_flight.disagreement(histogram, 1)) == is_told
