"""Figures: every row is read by everything that shows or judges figures."""

from hubbub.ledger import Counts
from hubbub.metrics.tally import Connections
from hubbub.report import Watch, build_summary, judge, parse_objectives, render_console
from hubbub.report import figures as module
from hubbub.report.figures import FIGURES, SERIES, Figure


def test_every_row_is_in_the_summary_where_its_name_says(outcome, held):
    summary = build_summary(outcome, held(outcome))
    for figure in FIGURES:
        if figure.section != "errors":
            assert summary[figure.section][figure.name] == figure.value(outcome), figure.key
    assert list(summary["latency_ms"]) == [series.name for series in SERIES]


def test_every_row_can_be_an_objective(outcome):
    outcome.health.loop_lag.record(1)
    objectives = parse_objectives([f"{figure.key} >= 0" for figure in FIGURES])
    assert all(result.value is not None for _, result in Watch(objectives).results(outcome))
    times = parse_objectives([f"{series.name}.p95 < 100" for series in SERIES])
    assert len(Watch(times).results(outcome)) == len(SERIES)


def test_every_counter_that_workers_keep_has_a_row():
    kept = {"messages": Counts, "connections": Connections}
    known = {figure.name for figure in FIGURES} | {figure.own for figure in FIGURES}
    for counters in kept.values():
        assert set(counters.__slots__) <= known


def test_a_new_row_is_summed_up_judged_and_printed(outcome, held, monkeypatch):
    """A figure of one's own is a row: here every delivery is a fault."""
    row = Figure("deliveries", "received", "all of them", fault="deliveries came at all", is_shown=True)
    monkeypatch.setattr(module, "FIGURES", (*FIGURES, row))
    for user in ("verdict", "summary", "console"):
        monkeypatch.setattr(f"hubbub.report.{user}.FIGURES", (row,))
    assert judge(outcome, [])[1][0].text == "100 deliveries came at all"
    summary = build_summary(outcome, [])
    assert summary["deliveries"] == {"received": 100}
    monkeypatch.setattr("hubbub.report.summary.FIGURES", FIGURES)
    assert "  received: 100 deliveries" in render_console(build_summary(outcome, held(outcome)), "runs/x")


def test_both_ends_of_a_figure(outcome):
    outcome.counts.lost, outcome.counts.lost_unproven = 5, 2
    assert module.FIGURE["deliveries.lost"].ends(outcome) == (5, 3, 5)
    assert module.FIGURE["deliveries.delivered"].ends(outcome) == (100, 100, 102)
    assert module.FIGURE["deliveries.due"].ends(outcome) == (100, 100, 100)
    outcome.health = type(outcome.health)()
    assert module.FIGURE["health.cpu_max"].ends(outcome) is None
