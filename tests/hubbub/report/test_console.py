"""What a run prints, also when next to nothing was measured."""

from hubbub.health import Health
from hubbub.health.judge import Second
from hubbub.report import build_summary, render_console
from tests.hubbub.report.conftest import deliver


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


def test_each_objective_has_both_ends_and_its_margin(outcome, held):
    for _ in range(10):
        deliver(outcome, 60_000, low_us=20_000)
    outcome.tally.connections.dropped = outcome.tally.connections.dropped_unproven = 1
    texts = ["response.p95 < 100", "response.max < 50", "deliveries.lost == 0", "connections.dropped <= 1%"]
    text = render_console(build_summary(outcome, held(outcome, *texts, "reconnect.p50 < 9")), "runs/x")
    at = text.index("Objectives:")
    assert text[at:].splitlines()[:6] == [
        "Objectives:",
        "  response p95 60.0 ms [20.0 .. 60.0] < 100: holds (1.67x)",
        "  response max 60.0 ms [20.0 .. 60.0] < 50: open",
        "  deliveries lost 0 == 0: holds",
        "  connections dropped 10% [0 .. 10] <= 1%: open",
        "  reconnect p50 < 9: not measured",
    ]


def test_a_self_check_that_fails_is_printed(outcome, held):
    assert "Self-check" not in printed(outcome, held)
    for second in range(60):
        outcome.in_flight.sample(5, 1_000_000 if second else 0)
    assert "Self-check: 5.0 deliveries were in flight on average, and rate x mean delivery" in printed(outcome, held)


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
