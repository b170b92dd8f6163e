"""A worker that goes before its last report is lost, and stays so."""

import pytest

from hubbub.run.messages import Report
from hubbub.run.roster import Roster
from hubbub.serialization import to_plain


class Workers:
    is_distributed = True

    def __init__(self, *names):
        self.names, self.sent = list(names), []

    def present(self):
        return list(self.names)

    def send(self, worker, kind, values):
        self.sent.append((worker, kind, values))


def never(_worker):
    return False


def always(_worker):
    return True


def test_who_is_gone_is_lost_and_stays_lost():
    workers = Workers("a", "b")
    roster = Roster(workers)
    assert roster.look(never) == []
    workers.names = ["a"]
    assert roster.look(never) == ["b"]
    workers.names = ["a", "b"]
    assert roster.look(never) == []
    assert (list(roster.lost), roster.present, roster.missing(never)) == (["b"], ["a"], ["a"])
    assert not roster.all_are_lost
    workers.names = []
    assert roster.look(never) == ["a"]
    assert roster.all_are_lost


def test_who_has_ended_as_asked_may_go():
    workers = Workers("a", "b")
    roster = Roster(workers)
    workers.names = ["a"]
    assert roster.look(always) == []
    assert roster.missing(always) == []


def test_who_is_lost_hears_of_the_end_in_case_it_comes_back():
    workers = Workers("a", "b")
    roster = Roster(workers)
    workers.names = ["a"]
    roster.look(never)
    roster.send("drain", {})
    assert workers.sent == [("a", "drain", {}), ("b", "drain", {})]


def report(**changes):
    return to_plain(Report(run="r", worker="a", token="secret")) | changes


@pytest.fixture
def roster():
    roster = Roster(Workers("a"))
    roster._tokens["a"] = "secret"
    return roster


def test_a_report_of_a_member_is_read(roster):
    assert roster.read(report(sequence=4)).sequence == 4
    assert not roster.rejected


@pytest.mark.parametrize(
    "values",
    [
        report(token="guessed"),
        report(worker="b"),
        report(sequence="4"),
        report(is_final=1),
        report(counts=None),
        report(counts={"sent": 1}),
        report(findings={"a": 1}),
        report(timings=[]),
        report(health=7),
        report(errors=[]) | {"phase_stats": {"series": 3}},
        {},
        None,
        [],
        "report",
    ],
    ids=lambda values: str(values)[-40:],
)
def test_any_other_is_counted_and_named(roster, values):
    assert roster.read(values) is None
    name = values.get("worker", "?") if isinstance(values, dict) else "?"
    assert roster.rejected == {name: 1}


def test_the_names_of_strangers_are_bounded(roster):
    for number in range(100):
        roster.read(report(worker="x" * 1_000 + str(number)))
        roster.read(report(worker=str(number)))
    assert sum(roster.rejected.values()) == 200
    assert len(roster.rejected) <= 21
    assert max(map(len, roster.rejected)) <= 80


def test_who_comes_later_takes_no_part():
    workers = Workers("a")
    roster = Roster(workers)
    workers.names.append("b")
    roster.send("go", {})
    assert workers.sent == [("a", "go", {})]
    assert roster.is_distributed
