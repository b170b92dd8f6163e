"""What CI shows: each objective and each fact is a case, and nothing undecided is green."""

import xml.etree.ElementTree as ET

from hubbub.report import build_summary
from hubbub.report.junit import render_junit
from tests.hubbub.report.conftest import deliver


def suite_of(run_result, slo_results, *texts):
    suite = ET.fromstring(render_junit(build_summary(run_result, slo_results(run_result, *texts))))  # noqa: S314 - ours
    counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors")}
    assert counts["tests"] == len(suite)
    return counts, {case.get("name"): case for case in suite}


def test_a_run_that_holds_is_green(run_result, slo_results):
    counts, cases = suite_of(run_result, slo_results)
    assert (counts["failures"], counts["errors"]) == (0, 0)
    assert "response.p95 < 500" in cases
    assert "deliveries.duplicated" in cases
    assert "verdict" in cases


def test_a_broken_objective_is_a_failure_with_its_figure(run_result, slo_results):
    counts, cases = suite_of(run_result, slo_results, "response.p50 < 10")
    assert counts["failures"] == 2, "the objective, and the verdict"
    assert cases["response.p50 < 10"][0].get("message") == "broken: it is 20.032"
    assert cases["verdict"][0].get("message") == "FAIL"


def test_an_open_one_is_an_error_and_never_green(run_result, slo_results):
    for _ in range(20):
        deliver(run_result, 60_000, low_us=1_000)
    counts, cases = suite_of(run_result, slo_results, "response.p95 < 50", "join.p50 < 5")
    assert (counts["failures"], counts["errors"]) == (0, 3)
    assert cases["response.p95 < 50"][0].get("message") == (
        "open: it is 60.032, or 20.032 without what the generator may have caused"
    )
    assert cases["join.p50 < 5"][0].get("message") == "open: it was not measured"
    assert cases["verdict"][0].tag == "error"


def test_a_fact_against_the_backend_is_a_failure(run_result, slo_results):
    run_result.counts.duplicated = 3
    counts, cases = suite_of(run_result, slo_results, "response.p50 < 100")
    assert cases["deliveries.duplicated"][0].get("message") == "3 deliveries came twice"
    assert counts["failures"] == 2


def test_what_xml_cannot_hold_is_replaced(run_result, slo_results):
    run_result.interruption = "the backend said \x00\x1b[31m<&>\ufffe"
    _, cases = suite_of(run_result, slo_results)
    assert "the backend said \ufffd\ufffd[31m<&>\ufffd" in cases["verdict"][0].text
