"""PASS, FAIL and INCONCLUSIVE: one rule per test."""

from collections import Counter
from dataclasses import replace

import pytest

from hubbub.errors import Failure, Owner
from hubbub.health.judge import Second
from hubbub.ledger import Counts
from hubbub.metrics.attendance import Attendance
from hubbub.report import Watch, judge, parse_objectives
from tests.hubbub.report.conftest import deliver


@pytest.fixture
def verdict(slo_results):
    def verdict(run_result, *texts):
        result, reasons = judge(run_result, slo_results(run_result, *texts))
        return result, [f"{reason.kind}: {reason.text}" for reason in reasons]

    return verdict


def make_unhealthy(run_result, seconds, **how):
    for second in range(20, 20 + seconds):
        run_result.health.add(
            Second(second * 1_000_000, (second + 1) * 1_000_000, **({"cpu_us": 0, "loop_lag_us": 60_000} | how))
        )


CURE = "to settle it, give the generator more room (a free core, more workers)"
ILL = "generator event loop stalled for up to 60 ms; event loop over 50 ms late in 30 s"


def test_a_run_in_which_all_was_well_passes(run_result, verdict):
    assert verdict(run_result) == ("PASS", [])


@pytest.mark.parametrize("name", ["duplicated", "out_of_order", "leaked", "corrupt", "vanished"])
def test_a_fact_fails_whatever_the_generators_health(run_result, verdict, name):
    setattr(run_result.counts, name, 3)
    run_result.counts.sent += 3 * (name == "vanished")
    make_unhealthy(run_result, 30)
    result, reasons = verdict(run_result)
    assert result == "FAIL"
    assert len(reasons) == 1, "said twice, or a doubt without a reason"
    assert reasons[0].startswith("FAIL: 3 ")


def test_an_unhealthy_generator_alone_decides_nothing(run_result, verdict):
    make_unhealthy(run_result, 30, cpu_us=1_000_000, loop_lag_us=900_000, throttled=9, gc_pause_us=900_000, dropped=1)
    assert verdict(run_result) == ("PASS", [])


def test_proven_losses_fail(run_result, verdict):
    run_result.counts.lost, run_result.counts.lost_unproven = 5, 2
    assert verdict(run_result) == ("FAIL", ["FAIL: 5 deliveries were lost; the generator may have caused 2 of them"])
    run_result.counts.lost_unproven = 0
    assert verdict(run_result) == ("FAIL", ["FAIL: 5 deliveries were lost"])


def test_losses_that_we_may_have_caused_prove_nothing(run_result, verdict):
    run_result.counts.lost = run_result.counts.lost_unproven = 5
    make_unhealthy(run_result, 30)
    assert verdict(run_result) == (
        "INCONCLUSIVE",
        [
            "INCONCLUSIVE: 5 deliveries were lost, and the generator may have caused each of them (evidence says how); "
            f"{ILL}; {CURE}"
        ],
    )


def test_losses_that_an_objective_allows_pass(run_result, verdict):
    run_result.counts.lost = 1
    assert verdict(run_result, "deliveries.lost <= 1%") == ("PASS", [])
    run_result.counts.lost = 2
    assert verdict(run_result, "deliveries.lost <= 1%") == (
        "FAIL",
        ["FAIL: deliveries.lost <= 1% is broken: it is 2%"],
    )


def test_a_slow_backend_fails_whatever_the_generators_health(run_result, verdict):
    for _ in range(10):
        deliver(run_result, 600_000)
    make_unhealthy(run_result, 30)
    assert verdict(run_result) == (
        "FAIL",
        ["FAIL: response.p95 < 500 is broken: 9.1% are surely over 500 ms, 4.5% may be; it is 600.1 ms"],
    )


def test_slowness_that_may_be_our_own_is_open_and_says_by_how_much(run_result, verdict):
    for _ in range(4):
        deliver(run_result, 600_000)
    for _ in range(6):
        deliver(run_result, 600_000, low_us=20_000)
    make_unhealthy(run_result, 30)
    assert verdict(run_result) == (
        "INCONCLUSIVE",
        [
            "INCONCLUSIVE: response.p95 < 500 is open: 3.6% surely over 500 ms, 5.5% more only by the generator's own "
            f"lateness; 4.5% allowed; {ILL}; {CURE}"
        ],
    )
    run_result.clock_bound_us = None
    assert verdict(run_result)[1][0].endswith(
        "more workers), or measure with receive stamps (Linux, --receive-stamps on)"
    )


def test_our_own_lateness_below_the_limit_is_no_doubt(run_result, verdict):
    for _ in range(50):
        deliver(run_result, 400_000, low_us=1_000)
    make_unhealthy(run_result, 30)
    assert verdict(run_result) == ("PASS", [])


def test_connections_that_we_may_have_ended_are_a_doubt(run_result, verdict):
    run_result.phase_stats.connections.dropped = run_result.phase_stats.connections.dropped_unproven = 5
    assert verdict(run_result) == (
        "INCONCLUSIVE",
        [
            "INCONCLUSIVE: connections.dropped <= 1% is open: it is 50% [0 .. 50], and the generator may have caused "
            f"the difference; {CURE}"
        ],
    )


def test_an_objective_of_ones_own_takes_the_defaults_place(run_result, verdict):
    assert verdict(run_result, "response.p95 < 10")[0] == "FAIL"
    assert verdict(run_result, "response.p95 < 30")[0] == "PASS"


def test_what_was_not_measured_is_a_doubt(run_result, verdict):
    result, reasons = verdict(run_result, "reconnect.p50 < 10")
    assert result == "INCONCLUSIVE"
    assert reasons == ["INCONCLUSIVE: reconnect.p50 was not measured; cannot evaluate < 10"]


@pytest.mark.parametrize("name", ["unsent", "throttled", "refused"])
def test_load_that_was_not_applied_is_a_doubt(run_result, verdict, name):
    setattr(run_result.counts, name, 1)
    run_result.counts.sent += name != "unsent"
    result, reasons = verdict(run_result)
    assert result == "INCONCLUSIVE"
    assert "the load was not as asked: of 1" in reasons[0]


def test_one_per_cent_may_be_missing(run_result, verdict):
    run_result.counts.sent = run_result.counts.confirmed = 99
    run_result.counts.unsent = 1
    assert verdict(run_result) == ("PASS", [])


@pytest.mark.parametrize(("seconds", "expected"), [(1, "PASS"), (2, "INCONCLUSIVE")])
def test_load_that_was_sent_at_other_times_is_a_doubt(run_result, verdict, seconds, expected):
    run_result.load.planned = Counter(dict.fromkeys(range(30), 100))
    run_result.load.sent = Counter(run_result.load.planned)
    for second, sent in ((8, 131), (7, 0))[:seconds]:
        run_result.load.sent[second] = sent
    make_unhealthy(run_result, 30)
    result, reasons = verdict(run_result)
    assert result == expected
    assert (
        reasons
        == [
            "INCONCLUSIVE: the load was not as asked: 2 of 30 seconds sent other than planned, most of all second 8 "
            f"(0 messages for 100); {ILL}"
        ][: seconds - 1]
    )


def test_nothing_expected_nothing_tested(run_result, verdict):
    run_result.counts.due = run_result.counts.delivered = 0
    result, reasons = verdict(run_result)
    assert result == "INCONCLUSIVE"
    assert "INCONCLUSIVE: no delivery was expected, so nothing was tested" in reasons


def test_an_interruption_a_lost_worker_and_an_abort_are_doubts(run_result, verdict):
    run_result.interruption, run_result.aborted = "the run was interrupted", "too slow"
    run_result.lost_workers = {"w1": "in second 3"}
    result, reasons = verdict(run_result)
    assert result == "INCONCLUSIVE"
    assert reasons == [
        "INCONCLUSIVE: the run was interrupted",
        "INCONCLUSIVE: the run was ended early: too slow",
        "INCONCLUSIVE: worker w1 was lost in second 3; what it did since its last report is not known",
    ]


def test_pending_messages_and_unread_histories_are_doubts(run_result, verdict):
    run_result.counts.confirmed -= 2
    run_result.history_problem = "HTTP 500"
    run_result.history.unknown = 4
    assert verdict(run_result)[1] == [
        "INCONCLUSIVE: the fate of 2 messages is not known",
        "INCONCLUSIVE: the history could not be read whole: HTTP 500; the storage of 4 messages is not known",
    ]


@pytest.mark.parametrize(
    ("excused", "optional", "comes_and_goes", "expected"),
    [(2, 3, False, "PASS"), (3, 3, False, "INCONCLUSIVE"), (30, 30, True, "PASS")],
)
def test_comings_and_goings_that_no_user_class_told_of_are_a_doubt(
    run_result, verdict, excused, optional, comes_and_goes, expected
):
    run_result.counts.excused, run_result.counts.optional = excused, optional
    run_result.comes_and_goes = comes_and_goes
    result, reasons = verdict(run_result)
    assert result == expected
    assert reasons == ["INCONCLUSIVE: 3 deliveries were excused and 3 optional, of 100 due"] * (expected != "PASS")


def test_shares_too_small_or_too_large_for_a_percentage_are_counts(run_result, verdict):
    run_result.settings = replace(run_result.settings, backend_pids=(1,))
    for _ in range(900):
        deliver(run_result, 10_000)
    for _ in range(999):
        deliver(run_result, 600_000, low_us=1_000)
    deliver(run_result, 600_000)
    text = verdict(run_result)[1][0]
    assert text.startswith(
        "INCONCLUSIVE: response.p95 < 500 is open: 1 of 2000 surely over 500 ms, 50.0% more only by the generator's "
        "own lateness or the backend's waits for a core; 5.0% allowed"
    )
    assert "1000 of 1001 are surely over 15 ms" in verdict(slow_but_one(run_result), "response.p95 < 15")[1][0]


def slow_but_one(run_result):
    run_result.timings.response.clear()
    run_result.timings.low.clear()
    deliver(run_result, 10_000)
    for _ in range(1_000):
        deliver(run_result, 600_000)
    return run_result


def test_the_edges_of_a_percentage(run_result, verdict):
    for _ in range(899):
        deliver(run_result, 20_000)
    deliver(run_result, 600_000)
    assert "0.1% are surely over 500 ms, 0 of 1000 may be" in verdict(run_result, "response.max < 500")[1][0]
    run_result.timings.response.clear()
    run_result.timings.low.clear()
    deliver(run_result, 20_000)
    for _ in range(999):
        deliver(run_result, 600_000)
    assert "99.9% are surely over 500 ms" in verdict(run_result, "response.max < 500")[1][0]


def test_figures_have_their_units(run_result, verdict):
    for _ in range(10):
        run_result.phase_stats.time("join", 70_000, 9_000)
    assert verdict(run_result, "join.count <= 3")[1] == ["FAIL: join.count <= 3 is broken: it is 10"]
    assert verdict(run_result, "deliveries.received <= 3")[1] == ["FAIL: deliveries.received <= 3 is broken: it is 100"]
    assert verdict(run_result, "join.min < 50")[1] == [
        "INCONCLUSIVE: join.min < 50 is open: it is 70.0 ms [9.0 .. 70.0], and the generator may have caused the "
        f"difference; {CURE}"
    ]
    run_result.counts.lost = 3
    assert verdict(run_result, "deliveries.lost <= 1")[1][0] == "FAIL: deliveries.lost <= 1 is broken: it is 3"


def test_a_figure_of_the_generator_itself_that_is_not_met_is_a_doubt(run_result, verdict):
    assert verdict(run_result, "health.cpu_max <= 0.05") == (
        "INCONCLUSIVE",
        ["INCONCLUSIVE: health.cpu_max <= 0.05 is not met: it is 0.1, which is about the generator"],
    )


def test_losses_within_a_window_name_it(run_result, slo_results):
    run_result.counts.lost = 2
    watch = Watch(parse_objectives(["deliveries.lost == 0 over 1s"]))
    watch.observe(1_000_000, run_result)
    assert judge(run_result, watch.results(run_result))[1][0].text == "deliveries.lost == 0 over 1s is broken: it is 2"


@pytest.mark.parametrize(("dropped", "expected"), [(1, "PASS"), (2, "FAIL")])
def test_one_per_cent_of_the_connections_may_drop(run_result, verdict, dropped, expected):
    run_result.phase_stats.connections.attempted = 100
    run_result.phase_stats.connections.dropped = dropped
    assert verdict(run_result)[0] == expected


def test_what_the_history_lacks_is_evidence(run_result, verdict):
    run_result.history.delivered_not_stored, run_result.history.stored_twice = 2, 3
    result, reasons = verdict(run_result)
    assert result == "FAIL"
    assert reasons == ["FAIL: 2 messages were delivered and not stored", "FAIL: 3 messages were stored twice"]


def test_a_canary_that_differs_decides_nothing(run_result, verdict):
    run_result.canary = {"received": 100, "delivery_ms": {"p50": 500.0, "p99": None}, "response_ms": {}}
    assert verdict(run_result) == ("PASS", [])


def test_a_canary_that_saw_nothing_is_a_doubt(run_result, verdict):
    run_result.canary_problem = "it did not join in time"
    assert verdict(run_result) == (
        "INCONCLUSIVE",
        ["INCONCLUSIVE: the canary did not measure: it did not join in time"],
    )


def attended(run_result, **figures):
    run_result.attendance = Attendance(**{"asked": 24, "ready": 24, "asked_us": 1_000, "ready_us": 1_000} | figures)
    return run_result


def test_clients_that_never_chatted_are_named_by_their_reasons(run_result, verdict):
    attended(run_result, ready=16, lost=8, ready_us=600, lost_by=Counter(a=4, b=2, c=1, d=1))
    assert verdict(run_result) == (
        "INCONCLUSIVE",
        ["INCONCLUSIVE: 16 of 24 clients chatted: 4 x a, 2 x b, 1 x c and 1 more classes"],
    )


def test_clients_that_were_lost_and_came_back_are_a_doubt(run_result, verdict):
    attended(run_result, lost=3, ready_us=600, lost_by=Counter({"a": 3, "never": 0}))
    assert verdict(run_result)[1] == ["INCONCLUSIVE: 3 of 24 clients were lost: 3 x a"]
    attended(run_result, ready=23)
    assert verdict(run_result)[1] == ["INCONCLUSIVE: 23 of 24 clients chatted"]


@pytest.mark.parametrize(("ready_us", "is_as_asked"), [(1_000, True), (990, True), (989, False), (0, False)])
def test_clients_must_be_ready_for_nearly_all_of_the_time(run_result, verdict, ready_us, is_as_asked):
    attended(run_result, ready_us=ready_us)
    share = f"{ready_us / 1_000:.1%}"
    doubt = f"the load was not as asked: clients were ready in {share} of the time that they were asked for"
    assert verdict(run_result)[1] == ([] if is_as_asked else [f"INCONCLUSIVE: {doubt}"])
    run_result.comes_and_goes = True
    assert verdict(run_result)[1] == []


def test_a_run_that_asked_for_no_messages_may_pass_without(run_result, verdict):
    run_result.counts = Counts()
    run_result.chatting_share = 0.0
    doubt = "INCONCLUSIVE: no delivery was expected, so nothing was tested"
    assert doubt not in verdict(run_result)[1]
    run_result.counts.unsent = 1
    assert doubt in verdict(run_result)[1]


def test_a_failure_of_our_own_and_what_was_not_written_are_doubts(run_result, verdict):
    run_result.failure, run_result.output_problem = "ZeroDivisionError", "summary.json: No space left on device"
    assert verdict(run_result)[1] == [
        "INCONCLUSIVE: a worker failed: ZeroDivisionError",
        "INCONCLUSIVE: not all results could be written: summary.json: No space left on device",
    ]


def test_a_contract_that_failed_is_a_doubt(run_result):
    run_result.phase_stats.error(Failure("contract x: receive raised KeyError", owner=Owner.CONFIGURATION), 0, "")
    result, reasons = judge(run_result, [])
    assert (result, "1 times: contract x: receive raised KeyError") == ("INCONCLUSIVE", reasons[0].text)
