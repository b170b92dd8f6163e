"""PASS, FAIL and INCONCLUSIVE: one rule per test."""

import pytest

from hubbub.health.judge import Second
from hubbub.report import judge


@pytest.fixture
def verdict(held):
    def verdict(outcome, *texts):
        result, reasons = judge(outcome, held(outcome, *texts))
        return result, [f"{reason.kind}: {reason.text}" for reason in reasons]

    return verdict


def make_unclean(outcome, seconds, **how):
    for second in range(20, 20 + seconds):
        outcome.health.add(
            Second(second * 1_000_000, (second + 1) * 1_000_000, **({"cpu_us": 0, "loop_lag_us": 60_000} | how))
        )


def test_a_run_in_which_all_was_well_passes(outcome, verdict):
    assert verdict(outcome) == ("PASS", [])


@pytest.mark.parametrize("name", ["duplicated", "out_of_order", "leaked", "corrupt", "vanished"])
def test_evidence_fails_whatever_the_generators_health(outcome, verdict, name):
    setattr(outcome.counts, name, 3)
    make_unclean(outcome, 30)
    result, reasons = verdict(outcome)
    assert result == "FAIL"
    assert reasons[0].startswith("FAIL: 3 ")
    assert any(reason.startswith("INCONCLUSIVE: the generator was not healthy") for reason in reasons)
    assert len([reason for reason in reasons if reason.startswith("FAIL")]) == 1, "said twice"


def test_losses_in_clean_seconds_fail(outcome, verdict):
    outcome.counts.lost, outcome.counts.lost_unclean = 5, 2
    result, reasons = verdict(outcome)
    assert (result, reasons) == (
        "FAIL",
        ["FAIL: 5 deliveries were lost, 2 of them while the generator was not healthy"],
    )
    outcome.counts.lost_unclean = 0
    assert verdict(outcome) == ("FAIL", ["FAIL: 5 deliveries were lost"])


def test_losses_in_unclean_seconds_only_prove_nothing(outcome, verdict):
    outcome.counts.lost = outcome.counts.lost_unclean = 5
    result, reasons = verdict(outcome)
    assert result == "INCONCLUSIVE"
    assert reasons == ["INCONCLUSIVE: 5 deliveries were lost, all of them while the generator was not healthy"]


def test_a_slow_backend_fails(outcome, verdict):
    for timings in (outcome.timings, outcome.clean):
        for _ in range(10):
            timings.response.record(600_000)
    result, reasons = verdict(outcome)
    assert result == "FAIL"
    assert reasons == [
        "FAIL: response.p95 < 500 does not hold: it is 600.063 ms, with 9.09% of the values beyond the limit"
    ]


def test_slowness_in_unclean_seconds_only_proves_nothing(outcome, verdict):
    for _ in range(10):
        outcome.timings.response.record(600_000)
    result, reasons = verdict(outcome)
    assert result == "INCONCLUSIVE"
    assert reasons == ["INCONCLUSIVE: response.p95 < 500 holds when the unclean seconds are left out"]


def test_slowness_without_any_clean_second_proves_nothing(outcome, verdict):
    for _ in range(100):
        outcome.timings.response.record(600_000)
    outcome.clean.clear()
    make_unclean(outcome, 30)
    result, reasons = verdict(outcome)
    assert result == "INCONCLUSIVE"
    assert "INCONCLUSIVE: response.p95 < 500 does not hold, but no second was clean" in reasons


def test_an_objective_of_ones_own_takes_the_defaults_place(outcome, verdict):
    assert verdict(outcome, "response.p95 < 10")[0] == "FAIL"
    assert verdict(outcome, "response.p95 < 30")[0] == "PASS"


def test_what_was_not_measured_is_a_doubt(outcome, verdict):
    result, reasons = verdict(outcome, "reconnect.p50 < 10")
    assert result == "INCONCLUSIVE"
    assert reasons == ["INCONCLUSIVE: reconnect.p50 was not measured, so nobody knows whether it is < 10"]


@pytest.mark.parametrize(("seconds", "expected"), [(2, "PASS"), (3, "INCONCLUSIVE")])
def test_two_unclean_seconds_are_forgiven_in_a_short_run(outcome, verdict, seconds, expected):
    make_unclean(outcome, seconds)
    assert verdict(outcome)[0] == expected


@pytest.mark.parametrize(("clean", "expected"), [(400, "PASS"), (200, "INCONCLUSIVE")])
def test_one_per_cent_is_forgiven_in_a_long_one(outcome, verdict, clean, expected):
    for second in range(100, 100 + clean):
        outcome.health.add(Second(second * 1_000_000, (second + 1) * 1_000_000, 0, 0))
    make_unclean(outcome, 3)
    outcome.health.unclean_us = 4_000_000
    assert verdict(outcome)[0] == expected


@pytest.mark.parametrize(("stall_us", "expected"), [(500_000, "PASS"), (500_001, "INCONCLUSIVE")])
def test_one_long_stall_is_a_doubt(outcome, verdict, stall_us, expected):
    make_unclean(outcome, 1, loop_lag_us=stall_us)
    assert verdict(outcome)[0] == expected


@pytest.mark.parametrize("name", ["unsent", "throttled", "refused"])
def test_load_that_was_not_applied_is_a_doubt(outcome, verdict, name):
    setattr(outcome.counts, name, 1)
    outcome.counts.sent += name != "unsent"
    result, reasons = verdict(outcome)
    assert result == "INCONCLUSIVE"
    assert "the load that was asked for was not applied" in reasons[0]


def test_nothing_expected_nothing_tested(outcome, verdict):
    outcome.counts.due = outcome.counts.delivered = 0
    result, reasons = verdict(outcome)
    assert result == "INCONCLUSIVE"
    assert "INCONCLUSIVE: no delivery was expected, so nothing was tested" in reasons


def test_an_interruption_a_lost_worker_and_an_abort_are_doubts(outcome, verdict):
    outcome.interruption, outcome.lost_workers, outcome.aborted = "the run was interrupted", ["w1"], "too slow"
    result, reasons = verdict(outcome)
    assert result == "INCONCLUSIVE"
    assert len(reasons) == 3


@pytest.mark.parametrize(("dropped", "expected"), [(1, "PASS"), (2, "FAIL")])
def test_one_per_cent_of_the_connections_may_drop(outcome, verdict, dropped, expected):
    outcome.tally.connections.attempted = 100
    outcome.tally.connections.dropped = dropped
    assert verdict(outcome)[0] == expected


def test_what_the_history_lacks_is_evidence(outcome, verdict):
    outcome.history.delivered_not_stored, outcome.history.stored_twice = 2, 3
    result, reasons = verdict(outcome)
    assert result == "FAIL"
    assert reasons == ["FAIL: 2 messages were delivered and not stored", "FAIL: 3 messages were stored twice"]


@pytest.mark.parametrize(("unclean", "expected"), [(0, "PASS"), (1, "INCONCLUSIVE")])
def test_a_canary_that_differs_counts_only_with_unclean_seconds(outcome, verdict, unclean, expected):
    outcome.canary = {"received": 100, "delivery_ms": {"p50": 5.0, "p99": None}, "response_ms": {}}
    make_unclean(outcome, unclean)
    result, reasons = verdict(outcome)
    assert result == expected
    assert [reason for reason in reasons if "canary" in reason] == [
        "INCONCLUSIVE: delivery p50 is 20.0 ms here and 5.0 ms at the canary"
    ][:unclean]


def test_a_canary_that_saw_nothing_is_a_doubt(outcome, verdict):
    outcome.canary_problem = "it did not join in time"
    assert verdict(outcome) == ("INCONCLUSIVE", ["INCONCLUSIVE: the canary did not measure: it did not join in time"])
