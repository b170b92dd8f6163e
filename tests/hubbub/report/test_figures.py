"""LatencyRecorder: every row is read by everything that shows or judges figures."""

from hubbub.ledger import Counts
from hubbub.metrics.phase_stats import Connections
from hubbub.report import Watch, build_summary, judge, parse_objectives, render_console
from hubbub.report import figures as module
from hubbub.report.figures import FIGURES, SERIES, Figure


def test_every_row_is_in_the_summary_where_its_name_says(run_result, slo_results):
    summary = build_summary(run_result, slo_results(run_result))
    for figure in FIGURES:
        if figure.section != "errors":
            assert summary[figure.section][figure.name] == figure.value(run_result), figure.key
    assert list(summary["latency_ms"]) == [series.name for series in SERIES]


def test_every_row_can_be_an_objective(run_result):
    run_result.health.loop_lag.record(1)
    run_result.attendance.asked_us = 1
    objectives = parse_objectives([f"{figure.key} >= 0" for figure in FIGURES])
    assert all(result.value is not None for _, result in Watch(objectives).results(run_result))
    times = parse_objectives([f"{series.name}.p95 < 100" for series in SERIES])
    assert len(Watch(times).results(run_result)) == len(SERIES)


def test_every_counter_that_workers_keep_has_a_row():
    kept = {"messages": Counts, "connections": Connections}
    known = {figure.name for figure in FIGURES} | {figure.own for figure in FIGURES}
    known |= {f"{figure.section}_{figure.name}" for figure in FIGURES}
    for counters in kept.values():
        assert set(counters.__slots__) <= known


def test_a_new_row_is_summed_up_judged_and_printed(run_result, slo_results, monkeypatch):
    """A figure of one's own is a row: here every delivery is a fault."""
    row = Figure("deliveries", "received", "all of them", fault="deliveries came at all", is_shown=True)
    monkeypatch.setattr(module, "FIGURES", (*FIGURES, row))
    for user in ("verdict", "summary", "console"):
        monkeypatch.setattr(f"hubbub.report.{user}.FIGURES", (row,))
    assert judge(run_result, [])[1][0].text == "100 deliveries came at all"
    summary = build_summary(run_result, [])
    assert summary["deliveries"] == {"received": 100}
    monkeypatch.setattr("hubbub.report.summary.FIGURES", FIGURES)
    assert "  received: 100 deliveries" in render_console(build_summary(run_result, slo_results(run_result)), "runs/x")


def test_both_ends_of_a_figure(run_result):
    run_result.counts.lost, run_result.counts.lost_unproven = 5, 2
    assert module.FIGURE["deliveries.lost"].ends(run_result) == (5, 3, 5)
    assert module.FIGURE["deliveries.delivered"].ends(run_result) == (100, 100, 102)
    assert module.FIGURE["deliveries.due"].ends(run_result) == (100, 100, 100)
    run_result.health = type(run_result.health)()
    assert module.FIGURE["health.cpu_max"].ends(run_result) is None
