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


def test_who_has_reported_for_the_last_time_may_go_at_the_end_only():
    workers = Workers("a", "b")
    roster = Roster(workers)
    workers.names = ["a"]
    assert roster.look(always, is_ending=True) == []
    assert roster.look(always) == ["b"]
    assert roster.missing(always) == []


def test_who_is_lost_gets_no_message():
    workers = Workers("a", "b")
    roster = Roster(workers)
    workers.names = ["a"]
    roster.look(never)
    roster.send("go", {})
    assert workers.sent == [("a", "go", {})]


def test_who_comes_later_takes_no_part():
    workers = Workers("a")
    roster = Roster(workers)
    workers.names.append("b")
    roster.send("go", {})
    assert workers.sent == [("a", "go", {})]
    assert roster.is_distributed
