"""What a run prints, also when next to nothing was measured."""

from hubbub.errors import Failure
from hubbub.health import Health
from hubbub.health.judge import Second
from hubbub.report import build_summary, render_console
from tests.hubbub.report.conftest import deliver


def printed(run_result, slo_results):
    return render_console(build_summary(run_result, slo_results(run_result)), "runs/x")


def test_a_whole_run_prints_its_lines_in_order(run_result, slo_results):
    lines = printed(run_result, slo_results).splitlines()
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


def test_each_objective_has_both_ends_and_its_margin(run_result, slo_results):
    for _ in range(10):
        deliver(run_result, 60_000, low_us=20_000)
    run_result.phase_stats.connections.dropped = run_result.phase_stats.connections.dropped_unproven = 1
    texts = ["response.p95 < 100", "response.max < 50", "deliveries.lost == 0", "connections.dropped <= 1%"]
    text = render_console(build_summary(run_result, slo_results(run_result, *texts, "reconnect.p50 < 9")), "runs/x")
    at = text.index("Objectives:")
    assert text[at:].splitlines()[:6] == [
        "Objectives:",
        "  response p95 60.0 ms [20.0 .. 60.0] < 100: holds (1.67x)",
        "  response max 60.0 ms [20.0 .. 60.0] < 50: open",
        "  deliveries lost 0 == 0: holds",
        "  connections dropped 10% [0 .. 10] <= 1%: open",
        "  reconnect p50 < 9: not measured",
    ]


def test_a_self_check_that_fails_is_printed(run_result, slo_results):
    assert "Self-check" not in printed(run_result, slo_results)
    for second in range(60):
        run_result.in_flight.sample(5, 1_000_000 if second else 0)
    assert "Self-check: 5.0 deliveries were in flight on average, and rate x mean delivery" in printed(
        run_result, slo_results
    )


def test_a_run_of_a_moment_has_no_cpu_figure(run_result, slo_results):
    run_result.health = Health()
    run_result.health.add(Second(0, 1_000, 1_000, 0))
    assert "Generator: 100.0% clean\n" in printed(run_result, slo_results)


def test_a_run_without_any_second_says_so(run_result, slo_results):
    run_result.health = Health()
    assert "Generator: not measured\n" in printed(run_result, slo_results)


def test_the_canary_stands_beside_our_own_times(run_result, slo_results):
    series = run_result.timings.response.summary()
    run_result.canary = {"received": 10, "response_ms": series, "delivery_ms": series}
    text = printed(run_result, slo_results)
    assert "canary response" in text
    assert "canary delivery" in text


def test_no_line_is_wider_than_a_hundred_columns(run_result, slo_results):
    run_result.interruption = "a reason " * 40
    lines = printed(run_result, slo_results).splitlines()
    assert max(map(len, lines)) <= 100
    at = next(at for at, line in enumerate(lines) if "a reason" in line)
    assert lines[at + 1].startswith("      ")


def test_foreign_text_cannot_print_a_verdict(run_result, slo_results):
    run_result.counts.duplicated = 1
    run_result.phase_stats.error(Failure("error frame: no\nVerdict: PASS\x1b[2J" + "x" * 2_000), 5, "sample")
    lines = printed(run_result, slo_results).splitlines()
    assert [line for line in lines if line.startswith("Verdict:")] == ["Verdict: FAIL"]
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) <= 100
