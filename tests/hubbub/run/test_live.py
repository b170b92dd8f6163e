"""How a run goes on, in a line: every second on a terminal, every ten in a log."""

import pytest

from hubbub.run.live import Live
from tests.hubbub.report.conftest import blank_outcome, deliver
from tests.twins.scheduler import FakeScheduler


class Screen:
    def __init__(self, is_rewritable):
        self.is_rewritable, self.lines = is_rewritable, []

    def progress(self, text):
        self.lines.append(text)


class Watched:
    """A run of ten clients that sends ten messages a second, each to ten."""

    def __init__(self, is_rewritable, is_quiet=False):
        self.scheduler, self.screen = FakeScheduler(), Screen(is_rewritable)
        self.live = Live(self.scheduler, self.screen, is_quiet)
        self.result = blank_outcome()
        self.result.attendance.asked = self.result.attendance.ready = 10
        self.asked = 0

    def result_of(self):
        self.asked += 1
        return self.result

    def go_on(self, seconds, state="send"):
        for _ in range(round(seconds * 10)):
            self.live.look(state, self.result_of)
            self.scheduler.advance(0.1)
            self.result.counts.sent += 1
            self.result.counts.delivered += 10
            deliver(self.result, 20_000, low_us=5_000)
        self.live.look(state, self.result_of)


@pytest.mark.parametrize(("is_rewritable", "lines"), [(True, 20), (False, 2)])
def test_it_is_written_each_second_or_every_ten(is_rewritable, lines):
    watched = Watched(is_rewritable)
    watched.go_on(20.05)
    assert len(watched.screen.lines) == lines
    assert watched.asked == lines, "figures are added up only to be shown"
    expected = (
        "send: 10 of 10 clients ready, 10 messages/s, 100 deliveries/s, 0 lost, response p95 20.0 ms [5.0 .. 20.0]"
    )
    assert watched.screen.lines[-1].startswith(expected)


def test_what_is_not_there_is_left_out():
    watched = Watched(True)
    watched.go_on(1.05)
    assert "response" not in watched.screen.lines[0]


def test_each_state_begins_anew():
    watched = Watched(True)
    watched.go_on(0.5)
    watched.go_on(0.9, "drain")
    assert watched.screen.lines == []
    watched.go_on(0.2, "drain")
    assert watched.screen.lines[0].startswith("drain: ")


def test_quiet_is_quiet():
    watched = Watched(True, is_quiet=True)
    watched.go_on(5)
    assert (watched.screen.lines, watched.asked) == ([], 0)
