"""A run's outcome to judge, healthy and complete unless a test changes it."""

import pytest

from hubbub.config import resolve, slo_texts
from hubbub.health.judge import Second
from hubbub.report import Outcome, Watch, parse_objectives


def deliver(outcome, high_us, low_us=None, tolerance_us=1_000):
    """Record one delivery; its ends are the same unless the lower one is given."""
    outcome.timings.response.record(high_us)
    outcome.timings.delivery.record(high_us)
    outcome.timings.low.within(tolerance_us).record(high_us if low_us is None else low_us)


def blank_outcome():
    """A run before anything was measured."""
    return Outcome(
        run_id="c0ffee00",
        started_at="2026-01-01T00:00:00.000+00:00",
        duration_s=12.0,
        settings=resolve({}),
        users=10,
        workers=0,
        versions={},
        clock_bound_us=1,
    )


@pytest.fixture
def outcome():
    """Ten messages to ten receivers in ten clean seconds, 20 ms each."""
    outcome = blank_outcome()
    counts = outcome.counts
    counts.sent = counts.confirmed = 10
    counts.due = counts.delivered = 100
    for _ in range(100):
        deliver(outcome, 20_000)
    outcome.tally.connections.attempted = outcome.tally.connections.succeeded = outcome.tally.connections.ready = 10
    outcome.tally.attempts = 100
    for second in range(10):
        outcome.health.add(Second(second * 1_000_000, (second + 1) * 1_000_000, 100_000, 1_000))
    return outcome


@pytest.fixture
def held():
    """What became of the default objectives, or of those given."""
    return lambda outcome, *texts: Watch(parse_objectives(texts or slo_texts(""))).results(outcome)
