"""Reports are numbered; findings are sent once, the load and each conversation at the end."""

import pytest

from hubbub.client.payloads import Payloads
from hubbub.client.send_plans import Plans
from hubbub.ledger import Finding
from hubbub.ledger.findings import FOLLOW_US
from hubbub.run.instruments import Instruments
from hubbub.run.messages import Assignment
from hubbub.run.provisioning import Provision
from hubbub.run.reporter import Reporter
from tests.hubbub.client.conftest import Place
from tests.twins.backend import QuietMachine


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def sent():
    return []


@pytest.fixture
def reporter(place, sent):
    assignment = Assignment(
        run="r",
        run_number=1,
        worker="w",
        token="t",
        ordinal=0,
        workers=1,
        clients=1,
        settings=place.context.settings,
        payloads=Payloads([]),
        user_ids=[],
        tolerances_us=[],
        clock_domain="here",
        provision=Provision([], [], []),
    )
    instruments = Instruments(place.context, QuietMachine(), "seed")
    return Reporter(assignment, "here", place.context, Plans(place.context), instruments, sent.append)


def test_reports_are_numbered_and_named(reporter, sent):
    for ready in (0, 3):
        reporter.report(ready)
    assert [(each.run, each.worker, each.host, each.sequence, each.ready) for each in sent] == [
        ("r", "w", "here", 1, 0),
        ("r", "w", "here", 2, 3),
    ]


def test_a_finding_is_sent_once_when_nothing_is_added_to_it_any_more(reporter, sent, place):
    place.ledger.findings.kept.append(Finding("lost", place.scheduler.now_us()))
    reporter.report(0)
    place.scheduler.time_us += FOLLOW_US
    for _ in range(2):
        reporter.report(0)
    assert [len(each.findings) for each in sent] == [0, 1, 0]


def test_the_last_report_has_what_the_others_leave_out(reporter, sent):
    reporter.history_problem = "HTTP 500"
    reporter.report(0)
    reporter.report(0, is_final=True)
    assert [sorted(each.conversations) for each in sent] == [[], [0, 1]]
    assert sent[1].is_final
    assert sent[1].history_problem == "HTTP 500"
