"""A worker that goes before its last report is lost, and stays so."""

from hubbub.run.roster import Roster


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


def test_who_is_gone_is_lost_and_stays_lost():
    workers = Workers("a", "b")
    roster = Roster(workers)
    assert not roster.look(never)
    workers.names = ["a"]
    assert roster.look(never)
    workers.names = ["a", "b"]
    assert roster.look(never)
    assert (roster.lost, roster.missing(never)) == (["b"], ["a"])


def test_who_has_reported_for_the_last_time_may_go():
    workers = Workers("a", "b")
    roster = Roster(workers)
    workers.names = ["a"]
    assert not roster.look(lambda worker: worker == "b")
    assert roster.missing(lambda worker: worker == "b") == ["a"]


def test_who_comes_later_takes_no_part():
    workers = Workers("a")
    roster = Roster(workers)
    workers.names.append("b")
    roster.send("go", {})
    assert workers.sent == [("a", "go", {})]
    assert roster.is_distributed
