"""The verdict by intervals, against a naive one that has every delivery in a list."""

from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.metrics.histogram import bucket_of, lower_edge_of
from hubbub.metrics.low_ends import tolerance_for
from hubbub.report import Watch, judge, parse_objectives, tolerances_us
from hubbub.transport.stamps import ReceiveStamps
from tests.effort import examples
from tests.hubbub.ledger.conftest import Bench
from tests.hubbub.report.conftest import blank_outcome
from tests.hubbub.transport.test_stamps import OFFSET_US, Clocks, said

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999, "max": 1.0}
PROVEN, UNPROVEN, ARRIVED = "proven", "unproven", "arrived"


def edge(time_us):
    """The nearest time at or below that is the edge of a bucket, so that the histogram knows it exactly."""
    return lower_edge_of(bucket_of(time_us))


TIMES = st.integers(0, 2_000_000).map(edge)
DELIVERIES = st.lists(
    st.tuples(
        st.sampled_from([ARRIVED] * 12 + [PROVEN, UNPROVEN]),
        TIMES,
        TIMES,
        st.integers(0, 200_000),
    ),
    min_size=1,
    max_size=60,
).map(lambda rows: [(kind, max(one, two), min(one, two), lag_us) for kind, one, two, lag_us in rows])
"""Of each delivery: what became of it, its high and its low end, and how late its message was sent."""

COUNTS = ("duplicated", "out_of_order", "leaked", "corrupt")


def naive(deliveries, name, limit_us, facts, dropped, unsent):
    """ACCOUNTING's rules, delivery by delivery."""
    count = len(deliveries)
    allowed = count - ceil(PERCENTILES[name] * count - 1e-9)
    tolerance_us = max(1_000, limit_us // 10)
    possibly = sum(kind != ARRIVED or high_us >= limit_us for kind, high_us, _, _ in deliveries)
    surely = sum(
        kind == PROVEN or (kind == ARRIVED and low_us >= limit_us and lag_us <= tolerance_us)
        for kind, _, low_us, lag_us in deliveries
    )
    lost = sum(kind != ARRIVED for kind, *_ in deliveries)
    proven = sum(kind == PROVEN for kind, *_ in deliveries)
    all_dropped, our_dropped = dropped
    is_broken = surely > allowed or proven > 0 or (all_dropped - our_dropped) > 1
    is_open = possibly > allowed or lost > 0 or all_dropped > 1
    if is_broken or any(facts):
        return "FAIL"
    planned = count + unsent
    return "INCONCLUSIVE" if is_open or unsent > 0.01 * planned else "PASS"


def measured(deliveries, objectives, facts, dropped, unsent):
    """The same deliveries as a run's run_result."""
    run_result = blank_outcome()
    counts, timings = run_result.counts, run_result.timings
    tolerances = tolerances_us(objectives)
    counts.sent = counts.confirmed = counts.due = len(deliveries)
    counts.unsent = unsent
    for kind, high_us, low_us, lag_us in deliveries:
        low = timings.low.within(tolerance_for(lag_us, tolerances))
        if kind == ARRIVED:
            counts.delivered += 1
            timings.response.record(high_us)
            low.record(low_us)
            continue
        counts.lost += 1
        counts.lost_unproven += kind == UNPROVEN
        timings.response.censor(high_us)
        if kind == PROVEN:
            low.censor(high_us)
        else:
            low.record(0)
    for name, number in zip(COUNTS, facts, strict=True):
        setattr(counts, name, number)
    connections = run_result.phase_stats.connections
    connections.attempted = 100
    connections.dropped, connections.dropped_unproven = dropped
    return run_result


@settings(max_examples=examples(400))
@given(
    DELIVERIES,
    st.sampled_from(sorted(PERCENTILES)),
    st.integers(1, 200).map(lambda n: edge(n * 10_000)),
    st.lists(st.sampled_from([0, 0, 0, 0, 0, 1]), min_size=4, max_size=4),
    st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda pair: (max(pair), min(pair))),
    st.sampled_from([0, 0, 0, 1, 2]),
)
def test_the_verdict_is_that_of_the_lists(deliveries, name, limit_us, facts, dropped, unsent):
    texts = [f"response.{name} < {limit_us / 1_000}", "deliveries.lost == 0", "connections.dropped <= 1%"]
    objectives = parse_objectives(texts)
    run_result = measured(deliveries, objectives, facts, dropped, unsent)
    result, _ = judge(run_result, Watch(objectives).results(run_result))
    expected = naive(deliveries, name, round(limit_us / 1_000 * 1_000), facts, dropped, unsent)
    assert result == expected


@settings(max_examples=examples(200))
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=60),
    st.sampled_from(sorted(PERCENTILES)),
    st.integers(1, 10**6),
)
def test_a_bucket_that_straddles_the_limit_only_widens(times, name, limit_us):
    """Where the histogram cannot tell on which side of the limit a time is, holds and broken are still never wrong."""
    deliveries = [(ARRIVED, max(pair), min(pair), 0) for pair in times]
    objectives = parse_objectives([f"response.{name} < {limit_us / 1_000}"])
    run_result = measured(deliveries, objectives, (0, 0, 0, 0), (0, 0), 0)
    result, _ = judge(run_result, Watch(objectives).results(run_result))
    expected = naive(deliveries, name, limit_us, (), (0, 0), 0)
    assert result in (expected, "INCONCLUSIVE")


# -- stamps that lie ---------------------------------------------------------------------------------------------------

LIES = ("as they are", "0", "now", "missing", "the future", "a second back", "a second on", "30 ms on", "30 ms back")
JUMPS_US = {"a second back": -1_000_000, "a second on": 1_000_000, "30 ms on": 30_000, "30 ms back": -30_000}


def verdict_with(stalls, delays_us, lie, limit_ms):
    """A run whose backend takes `delays_us`, and whose generator reads everything later by `stalls`."""
    clocks = Clocks()
    stamps = ReceiveStamps(True, clocks)
    objectives = parse_objectives([f"response.p50 < {limit_ms}", "deliveries.lost == 0"])
    bench = Bench(tolerances_us=tolerances_us(objectives))
    receiver = bench.join(0)
    jump_at = len(delays_us) // 2
    for number, (delay_us, (stall_us, idle_us)) in enumerate(zip(delays_us, stalls, strict=True)):
        content, message = bench.send(receiver)
        arrived_us = bench.now + delay_us
        if number == jump_at:
            clocks.offset_us += JUMPS_US.get(lie, 0)
        before_us = arrived_us + stall_us
        real_us = arrived_us + clocks.offset_us
        said_of = {
            "0": said(0),
            "now": said(before_us + 1 + OFFSET_US),
            "missing": [],
            "the future": said(before_us + 5_000_000 + OFFSET_US),
        }
        ancillary = said_of.get(lie, said(real_us))
        known_us = stamps.arrived_us(ancillary, before_us, max(message.sent_us, arrived_us - idle_us))
        bench.now = before_us + 1
        receiver.on_message(bench.frame(content), bench.now, known_us)
        bench.wait(1)
        clocks.now_us = bench.now
        bench.ledger.close_second(stamps.are_steady())
    bench.finish()
    run_result = measured([], objectives, (0, 0, 0, 0), (0, 0), 0)
    run_result.counts, run_result.timings = bench.counts, bench.ledger.timings
    stamps.close()
    return judge(run_result, Watch(objectives).results(run_result))[0]


@settings(max_examples=examples(60))
@given(
    st.lists(
        st.tuples(
            st.sampled_from([500, 40_000, 90_000]),
            st.tuples(st.sampled_from([0, 60_000, 600_000]), st.sampled_from([0, 1_000, 20_000])),
        ),
        min_size=2,
        max_size=12,
    ),
    st.sampled_from([20, 50, 100]),
)
def test_stamps_that_lie_may_widen_a_verdict_and_never_flip_it(deliveries, limit_ms):
    delays_us, stalls = [delay for delay, _ in deliveries], [stall for _, stall in deliveries]
    honest = verdict_with(stalls, delays_us, "as they are", limit_ms)
    for lie in LIES[1:]:
        assert verdict_with(stalls, delays_us, lie, limit_ms) in (honest, "INCONCLUSIVE"), lie
        if honest == "PASS":
            assert verdict_with(stalls, delays_us, lie, limit_ms) == "PASS", "a PASS needs no stamp"
