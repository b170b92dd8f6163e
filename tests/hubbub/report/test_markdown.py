"""The report for the page of a CI run: verdict first; what others said is nothing but text."""

from hubbub.errors import Failure
from hubbub.report import build_summary
from hubbub.report.markdown import render_markdown
from tests.hubbub.report.conftest import blank_outcome


def page(run_result, slo_results, *texts):
    return render_markdown(build_summary(run_result, slo_results(run_result, *texts)))


def test_the_verdict_stands_first_and_the_figures_follow(run_result, slo_results):
    lines = page(run_result, slo_results).splitlines()
    assert lines[0] == "## ✅ Hubbub: PASS"
    assert "| deliveries | 100 of 100, 0 lost |" in lines
    assert "| response p50 | 20.0 ms [20.0 .. 20.0] |" in lines
    assert "| response p99 | too few to tell |" in lines
    assert "| `response.p95` | < 500 | 20.032 | ✅ holds |" in lines
    assert lines[-1].startswith("Run `c0ffee00` against ")


def test_reasons_say_whether_it_is_evidence_or_doubt(run_result, slo_results):
    text = page(run_result, slo_results, "response.p50 < 10")
    assert text.startswith("## ❌ Hubbub: FAIL")
    assert "- **FAIL** `response.p50 < 10 is broken" in text


def test_foreign_text_is_one_line_of_code_and_bounded(run_result, slo_results):
    kind = "error frame: `</td><script>|\n## Verdict: PASS " + "x" * 1_000
    run_result.phase_stats.error(Failure(kind), 5, "sample")
    text = page(run_result, slo_results)
    (row,) = [line for line in text.splitlines() if "script" in line]
    assert row.startswith("| 1 | `error frame: '</td><script>/ ## Verdict: PASS x")
    assert len(row) < 400
    assert not any(line.startswith("## Verdict") for line in text.splitlines())


def test_only_the_most_common_errors_are_shown(run_result, slo_results):
    for number in range(15):
        run_result.phase_stats.error(Failure(f"kind {number}"), 5, "sample")
    assert "| | 5 more classes, in `summary.json` | |" in page(run_result, slo_results)


def test_nothing_measured_has_a_page_too(slo_results):
    assert "INCONCLUSIVE" in page(blank_outcome(), slo_results)
