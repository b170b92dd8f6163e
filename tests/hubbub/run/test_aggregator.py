"""Reports of workers are added up; the newest one of each counts, and the first findings are kept."""

import pytest

from hubbub.ledger import Counts, Finding
from hubbub.ledger.findings import MAX_OF_EACH
from hubbub.report import Watch, parse_objectives
from hubbub.run.aggregator import Aggregator
from hubbub.run.messages import Report
from tests.hubbub.report.conftest import blank_outcome


class Kept:
    def __init__(self):
        self.taken = []

    def take(self, report):
        self.taken.append(report.sequence)


@pytest.fixture
def output():
    return Kept()


@pytest.fixture
def aggregator(output):
    watch = Watch(parse_objectives(["messages.sent < 10 abort"]))
    return Aggregator(blank_outcome(), [output], watch)


def report(worker="w", sequence=1, **what):
    return Report(run="r", worker=worker, token="t", sequence=sequence, **what)


def test_the_newest_report_of_each_worker_counts(aggregator, output):
    for sequence, sent in ((1, 3), (3, 5), (2, 99)):
        aggregator.take(report(sequence=sequence, counts=Counts(sent=sent), ready=sequence))
    aggregator.take(report("v", counts=Counts(sent=4)))
    assert aggregator.run_result().counts.sent == 9
    assert (aggregator.ready, aggregator.sequences, output.taken) == (3, 4, [1, 3, 1])


def test_after_the_end_nothing_is_taken(aggregator):
    aggregator.close()
    aggregator.take(report())
    assert not aggregator.reports


def test_findings_of_all_workers_share_the_limit(aggregator):
    findings = [Finding("lost", 1)] * MAX_OF_EACH
    aggregator.take(report(findings=findings))
    aggregator.take(report("v", findings=[*findings, Finding("corrupt", 2)]))
    kept = aggregator.run_result().findings
    assert [sum(each.kind == kind for each in kept) for kind in ("lost", "corrupt")] == [MAX_OF_EACH, 1]


def test_problems_of_workers_are_known(aggregator):
    assert aggregator.problem == ""
    aggregator.take(report(problem="too many files", is_final=True, history_problem="HTTP 500", host="here"))
    assert aggregator.problem == "too many files"
    assert aggregator.has_ended("w")
    assert not aggregator.has_ended("v")
    assert aggregator.run_result().history_problem == "HTTP 500"
    assert aggregator.has_clock_of("here")
    assert not aggregator.has_clock_of("elsewhere")


def test_objectives_that_end_the_run_are_watched(aggregator):
    assert aggregator.observe(1_000_000) == ""
    aggregator.take(report(counts=Counts(sent=10)))
    assert "messages.sent < 10" in aggregator.observe(2_000_000)


@pytest.mark.parametrize(("received", "sent", "said"), [(0, 24, 1), (1, 24, 0), (0, 0, 0)])
def test_silence_is_said_once(aggregator, capsys, received, sent, said):
    aggregator.take(report(counts=Counts(sent=sent, foreign=received)))
    for second in range(4, 8):
        aggregator.observe(second * 1_000_000)
    assert capsys.readouterr().err.count("24 messages were sent and none was delivered in the first 5 s") == said
