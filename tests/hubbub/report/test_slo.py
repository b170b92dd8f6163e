"""Objectives: what may be written, how each kind is judged, and windows."""

from copy import deepcopy

import pytest

from hubbub.errors import ConfigError, Failure, Owner
from hubbub.metrics.histogram import bucket_of, lower_edge_of
from hubbub.metrics.low_ends import NEVER_ON_TIME_US, tolerance_for
from hubbub.profiles import slo_texts
from hubbub.report.slo import BROKEN, HOLDS, OPEN, Shares, Watch, evaluate, parse_objectives, tolerances_us
from hubbub.suite import CONF
from tests.hubbub.report.conftest import deliver


def only(text):
    (objective,) = parse_objectives([text])
    return objective


def test_an_objective_in_full():
    objective = only("response.p99_9<800 over 30s abort after 1m")
    assert (objective.figure, objective.operator, objective.limit) == ("response.p99_9", "<", 800)
    assert (objective.window_us, objective.is_aborting, objective.delay_us) == (30_000_000, True, 60_000_000)
    assert objective.quantile == 0.999
    assert objective.limit_text == "< 800 over 30s"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("response.p95 > 300", "response.p95 is a time, which has an upper limit: write < or <="),
        ("fast please", r"the figure \(fast please\) of 'fast please' is not"),
        ("response.p95", r"the sign \(<, <=, ==, >= or >\) \(missing\)"),
        ("response.p95 != 3", r"the sign .* \(!= 3\)"),
        ("response.p95 < fast", r"the limit \(fast\)"),
        ("response.p95 < 3 days", r"what follows the limit \(days\)"),
        ("response.p95 < 3us", r"the limit \(3us\)"),
        ("response.p95 < 3 within 5s", r"what follows the limit \(within 5s\)"),
        ("response.p95 < 3 over 0s", "the window of 'response.p95 < 3 over 0s' must be longer than 0"),
        ("deliveries.lost < 3ms", "deliveries.lost is no time; leave 'ms' out"),
        ("response.count > 3s", "response.count is no time"),
        ("response.max == 300", "response.max is a time"),
        ("response.px < 3", "there is no figure 'response.px'; response has count, min, max and percentiles such as"),
        ("response.p0 < 3", "there is no figure 'response.p0'"),
        ("response.p100 < 3", "there is no figure 'response.p100'"),
        ("deliveries.p95 < 3", "there is no figure 'deliveries.p95'; deliveries has due, expected"),
        ("weather.rain == 0", "there is no figure 'weather.rain'; there are clients, connections, messages"),
        ("response.p95 < 3%", "response.p95 has no whole"),
        ("response.p95 < 3 over soon", "the slo's window must be a duration"),
        ("health.cpu_max < 1 over 30s", "health.cpu_max is a figure of the whole run"),
    ],
)
def test_what_cannot_be_an_objective_is_one_sentence(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        parse_objectives([text])


@pytest.mark.parametrize(
    ("name", "quantile"),
    [("p50", 0.5), ("p5", 0.05), ("p75", 0.75), ("p99.9", 0.999), ("p99_9", 0.999), ("p99.99", 0.9999), ("max", 1.0)],
)
def test_any_percentile_can_be_asked_for(name, quantile):
    assert only(f"response.{name} < 3").quantile == quantile


@pytest.mark.parametrize(
    ("text", "limit"), [("300ms", 300), ("0.3s", 300), ("0.3 s", 300), ("2m", 120_000), ("300", 300)]
)
def test_a_time_may_have_its_unit(text, limit):
    assert only(f"response.p95 < {text}").limit == limit
    assert only(f"response.p95 < {text} over 30s").window_us == 30_000_000


def test_a_percentile_that_the_summary_does_not_list_is_judged_too(run_result):
    for _ in range(40):
        deliver(run_result, 400_000)
    assert evaluate(only("response.p75 < 300"), run_result).result == BROKEN
    assert evaluate(only("response.p70 < 300"), run_result).result == HOLDS


def test_a_later_objective_replaces_an_earlier_one():
    objectives = parse_objectives([*slo_texts(""), "response.p95 < 100", "response.p95 < 50 over 10s"])
    assert [o.limit for o in objectives if o.figure == "response.p95"] == [100, 50]


def test_objectives_come_from_files_and_the_command_line():
    assert slo_texts("response.p50<9")[-1] == "response.p50<9"
    assert len(slo_texts("response.p50<9")) == len(slo_texts("")) + 1
    with pytest.raises(ConfigError, match="slo must be an objective such as"):
        slo_texts("../profiles/low")


@pytest.mark.parametrize("path", sorted((CONF / "slo").glob("*.toml")), ids=lambda path: path.stem)
def test_every_file_of_objectives_can_be_read(path):
    assert parse_objectives(slo_texts(path.stem))


def test_a_percentile_is_judged_as_a_share(run_result):
    for _ in range(5):
        deliver(run_result, 400_000)
    result = evaluate(only("response.p95 < 300"), run_result)
    assert (result.result, result.shares) == (HOLDS, Shares(count=105, surely=5, possibly=5, allowed=5))
    deliver(run_result, 400_000)
    assert evaluate(only("response.p95 < 300"), run_result).result == BROKEN


def test_what_only_our_own_lateness_puts_over_a_limit_leaves_it_open(run_result):
    for _ in range(6):
        deliver(run_result, 400_000, low_us=299_000)
    result = evaluate(only("response.p95 < 300"), run_result)
    assert (result.result, result.shares) == (OPEN, Shares(count=106, surely=0, possibly=6, allowed=5))
    assert result.low == pytest.approx(299, rel=0.01)
    assert result.value == result.high == pytest.approx(400, rel=0.01)


@pytest.mark.parametrize(("late_us", "expected"), [(30_000, BROKEN), (30_001, OPEN)])
def test_a_message_that_was_sent_late_is_no_evidence(run_result, late_us, expected):
    objective = only("response.p95 < 300")
    for _ in range(6):
        deliver(run_result, 400_000, tolerance_us=tolerance_for(late_us, tolerances_us([objective])))
    assert evaluate(objective, run_result).result == expected


def test_a_lost_delivery_is_beyond_every_limit(run_result):
    for _ in range(10):
        run_result.timings.response.censor(1_000)
        run_result.timings.low.within(NEVER_ON_TIME_US).censor(1_000)
    assert evaluate(only("response.p95 < 300000"), run_result).result == BROKEN


def test_a_loss_that_we_may_have_caused_leaves_a_percentile_open(run_result):
    for _ in range(10):
        run_result.timings.response.censor(1_000)
        run_result.timings.low.within(1_000).record(0)
    assert evaluate(only("response.p95 < 300000"), run_result).result == OPEN


def test_the_maximum_allows_nothing_over_it(run_result):
    assert evaluate(only("response.max < 30"), run_result).result == HOLDS
    deliver(run_result, 31_000, low_us=29_000)
    assert evaluate(only("response.max < 30"), run_result).result == OPEN
    deliver(run_result, 31_000)
    assert evaluate(only("response.max < 30"), run_result).result == BROKEN


def test_less_or_equal_allows_the_limit_itself(run_result):
    limit_ms = lower_edge_of(bucket_of(30_000)) / 1_000
    deliver(run_result, round(limit_ms * 1_000))
    assert evaluate(only(f"response.max < {limit_ms}"), run_result).result == BROKEN
    assert evaluate(only(f"response.max <= {limit_ms}"), run_result).result == OPEN, (
        "its bucket reaches beyond the limit"
    )


@pytest.mark.parametrize(
    ("text", "low", "high", "expected"),
    [
        ("deliveries.lost == 0", 0, 0, HOLDS),
        ("deliveries.lost == 0", 0, 2, OPEN),
        ("deliveries.lost == 0", 1, 2, BROKEN),
        ("deliveries.lost == 3", 1, 2, BROKEN),
        ("deliveries.lost == 2", 1, 3, OPEN),
        ("deliveries.lost <= 2", 1, 2, HOLDS),
        ("deliveries.lost <= 1", 1, 2, OPEN),
        ("deliveries.lost < 1", 1, 2, BROKEN),
        ("deliveries.lost >= 1", 1, 2, HOLDS),
        ("deliveries.lost > 1", 1, 2, OPEN),
        ("deliveries.lost > 2", 1, 2, BROKEN),
        ("deliveries.lost <= 1%", 0, 1, HOLDS),
        ("deliveries.lost < 1%", 0, 1, OPEN),
        ("deliveries.lost < 1%", 1, 1, BROKEN),
    ],
)
def test_a_count_is_judged_by_both_ends(run_result, text, low, high, expected):
    run_result.counts.lost, run_result.counts.lost_unproven = high, high - low
    result = evaluate(only(text), run_result)
    assert (result.low, result.high, result.result) == (low, high, expected)


@pytest.mark.parametrize("name", ["failed", "dropped"])
def test_connections_that_we_may_have_ended_are_no_evidence(run_result, name):
    setattr(run_result.phase_stats.connections, name, 4)
    setattr(run_result.phase_stats.connections, f"{name}_unproven", 3)
    result = evaluate(only(f"connections.{name} <= 10%"), run_result)
    assert (result.low, result.high, result.result) == (10.0, 40.0, OPEN)


def test_errors_of_our_own_are_no_evidence(run_result):
    run_result.phase_stats.error(Failure("EMFILE", "connect", Owner.GENERATOR), 0, "too many open files")
    run_result.phase_stats.error(Failure("not confirmed in time", "join"), 0, "not confirmed in time")
    result = evaluate(only("errors.count == 0"), run_result)
    assert (result.low, result.high, result.result) == (1, 2, BROKEN)


def test_phases_have_two_ends_too(run_result):
    for _ in range(10):
        run_result.phase_stats.time("join", 70_000, 9_000)
    assert evaluate(only("join.p50 < 50"), run_result).result == OPEN
    assert evaluate(only("join.p50 < 100"), run_result).result == HOLDS
    assert evaluate(only("join.p50 < 5"), run_result).result == BROKEN
    assert evaluate(only("join.min < 50"), run_result).result == OPEN
    assert evaluate(only("join.count == 10"), run_result).result == HOLDS


def test_a_percentage_is_of_what_was_tried(run_result):
    run_result.counts.indefinite = 1
    result = evaluate(only("messages.indefinite <= 10%"), run_result)
    assert (result.value, result.result) == (10.0, HOLDS)


def test_counts_and_health_are_figures_too(run_result):
    assert evaluate(only("messages.sent == 10"), run_result).result == HOLDS
    assert evaluate(only("health.cpu_max <= 0.5"), run_result).result == HOLDS
    assert evaluate(only("health.clean_ratio >= 0.9"), run_result).result == HOLDS
    assert evaluate(only("errors.count == 0"), run_result).result == HOLDS


@pytest.mark.parametrize("text", ["health.cpu_max <= 0.05", "send_lag.p50 < 1", "messages.unsent == 0"])
def test_a_figure_of_the_generator_itself_is_no_evidence(run_result, text):
    run_result.counts.unsent = 1
    run_result.timings.send_lag.record(9_000)
    assert evaluate(only(text), run_result).result == OPEN


@pytest.mark.parametrize(("success", "failure"), [("connections.succeeded", "failed"), ("connections.ready", "failed")])
def test_a_failure_of_ours_might_have_been_a_success(run_result, success, failure):
    connections = run_result.phase_stats.connections
    connections.attempted, connections.failed, connections.failed_unproven = 20, 10, 10
    result = evaluate(only(f"{success} >= 99%"), run_result)
    assert (result.value, result.low, result.high, result.result) == (50, 50, 100, OPEN)
    connections.failed_unproven = 5
    assert evaluate(only(f"{success} >= 99%"), run_result).result == BROKEN


def test_a_delivery_that_we_may_have_lost_might_have_arrived(run_result):
    run_result.counts.due, run_result.counts.lost, run_result.counts.lost_unproven = 110, 10, 10
    result = evaluate(only("deliveries.delivered >= 99%"), run_result)
    assert (result.high, result.result) == (100, OPEN)
    run_result.counts.indefinite, run_result.counts.indefinite_unproven, run_result.counts.sent = 1, 1, 11
    assert evaluate(only("messages.confirmed >= 99%"), run_result).result == OPEN


@pytest.mark.parametrize("text", ["join.p95 < 5", "join.min < 5", "messages.indefinite <= 1%"])
def test_what_was_not_measured_is_open(run_result, text):
    run_result.counts.sent = 0
    result = evaluate(only(text), run_result)
    assert (result.value, result.result, result.is_measured) == (None, OPEN, False)


def later(run_result, response_us, low_us=None):
    """The run_result a second later, with ten more deliveries."""
    run_result = deepcopy(run_result)
    for _ in range(10):
        deliver(run_result, response_us, low_us)
    run_result.counts.delivered += 10
    return run_result


def test_a_window_sees_what_the_whole_run_hides(run_result):
    watch = Watch(parse_objectives(["response.p50 < 100 over 2s", "response.p50 < 100"]))
    assert watch.is_needed
    states = [run_result]
    for response_us in (20_000, 200_000, 200_000, 20_000, 20_000, 20_000):
        states.append(later(states[-1], response_us))
    for second, state in enumerate(states):
        assert watch.observe(second * 1_000_000, state) == ""
    windowed, whole = (result for _, result in watch.results(states[-1]))
    assert (windowed.result, whole.result) == (BROKEN, HOLDS)
    assert windowed.value == pytest.approx(200, rel=0.004)


def test_a_broken_window_is_worse_than_an_open_one(run_result):
    watch = Watch(parse_objectives(["response.p50 < 100 over 1s"]))
    states = [run_result, later(run_result, 20_000)]
    states.append(later(states[-1], 200_000, low_us=20_000))
    states.append(later(states[-1], 20_000))
    for second, state in enumerate(states):
        watch.observe(second * 1_000_000, state)
    assert watch.results(states[-1])[0][1].result == OPEN
    states.append(later(states[-1], 200_000))
    watch.observe(4_000_000, states[-1])
    watch.observe(5_000_000, later(states[-1], 20_000))
    assert watch.results(states[-1])[0][1].result == BROKEN


def test_a_window_may_be_as_long_as_the_run(run_result):
    watch = Watch(parse_objectives(["response.p50 < 10 over 1s"]))
    watch.observe(1_000_000, run_result)
    assert watch.results(run_result)[0][1].result == BROKEN


def test_a_short_window_is_short_beside_a_long_one(run_result):
    watch = Watch(parse_objectives(["deliveries.delivered <= 35 over 2s", "deliveries.delivered <= 100000 over 1h"]))
    state = run_result
    for second in range(1, 100):
        state = later(state, 20_000)
        watch.observe(second * 1_000_000, state)
    short, _ = (result for _, result in watch.results(state))
    assert short.result == BROKEN, "the first window holds the hundred deliveries before it"
    assert short.value == 120
    assert len(watch._past[2_000_000]) <= 3
    assert len(watch._past[3_600_000_000]) <= 61


def test_a_window_that_was_never_full_was_not_measured(run_result):
    watch = Watch(parse_objectives(["response.p50 < 100 over 1m"]))
    watch.observe(1_000_000, run_result)
    assert watch.results(run_result)[0][1].is_measured is False


def test_an_aborting_objective_ends_the_run_after_its_delay(run_result):
    watch = Watch(parse_objectives(["response.p95 < 10 abort after 3s"]))
    assert watch.observe(2_000_000, run_result) == ""
    assert watch.observe(3_000_000, run_result) == "response.p95 < 10 was broken after 3 s"


def test_other_objectives_need_no_watching():
    assert not Watch(parse_objectives(slo_texts(""))).is_needed
