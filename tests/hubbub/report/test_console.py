"""What a run prints, also when next to nothing was measured."""

from hubbub.health import Health
from hubbub.health.judge import Second
from hubbub.report import build_summary, render_console


def printed(outcome, held):
    return render_console(build_summary(outcome, held(outcome)), "runs/x")


def test_a_whole_run_prints_its_lines_in_order(outcome, held):
    lines = printed(outcome, held).splitlines()
    assert lines[:6] == [
        "Connections Attempted: 10",
        "Connections Successful: 10",
        "Connections Failed: 0",
        "Messages Sent: 10",
        "Messages Received: 100",
        "Total Errors: 0",
    ]
    assert "Generator: 100.0% clean, CPU at most 10% of a core" in lines
    assert lines[-2:] == ["Verdict: PASS", "Results: runs/x"]


def test_a_run_of_a_moment_has_no_cpu_figure(outcome, held):
    outcome.health = Health()
    outcome.health.add(Second(0, 1_000, 1_000, 0))
    assert "Generator: 100.0% clean\n" in printed(outcome, held)


def test_a_run_without_any_second_says_so(outcome, held):
    outcome.health = Health()
    assert "Generator: not measured\n" in printed(outcome, held)


def test_the_canary_stands_beside_our_own_times(outcome, held):
    series = outcome.timings.response.summary()
    outcome.canary = {"received": 10, "response_ms": series, "delivery_ms": series}
    text = printed(outcome, held)
    assert "canary response" in text
    assert "canary delivery" in text
