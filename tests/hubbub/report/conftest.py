"""A run's run_result to judge, healthy and complete unless a test changes it."""

import pytest

from hubbub.health.judge import Second
from hubbub.options import resolve
from hubbub.profiles import slo_texts
from hubbub.report import RunResult, Watch, parse_objectives


def deliver(run_result, high_us, low_us=None, tolerance_us=1_000):
    """Aggregator one delivery; its ends are the same unless the lower one is given."""
    run_result.timings.response.record(high_us)
    run_result.timings.delivery.record(high_us)
    run_result.timings.low.within(tolerance_us).record(high_us if low_us is None else low_us)


def blank_outcome():
    """A run before anything was measured."""
    return RunResult(
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
def run_result():
    """Ten messages to ten receivers in ten clean seconds, 20 ms each."""
    run_result = blank_outcome()
    counts = run_result.counts
    counts.sent = counts.confirmed = 10
    counts.due = counts.delivered = 100
    for _ in range(100):
        deliver(run_result, 20_000)
    run_result.phase_stats.connections.attempted = run_result.phase_stats.connections.succeeded = (
        run_result.phase_stats.connections.ready
    ) = 10
    run_result.phase_stats.attempts = 100
    for second in range(10):
        run_result.health.add(Second(second * 1_000_000, (second + 1) * 1_000_000, 100_000, 1_000))
    return run_result


@pytest.fixture
def slo_results():
    """What became of the default objectives, or of those given."""
    return lambda run_result, *texts: Watch(parse_objectives(texts or slo_texts(""))).results(run_result)
