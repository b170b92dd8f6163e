"""Some at a time, by a deadline: what was done counts, and what was not is known."""

import pytest

from hubbub.errors import RunError
from hubbub.run.crew import Crew
from tests.twins.scheduler import START_US, FakeScheduler


class Work:
    def __init__(self, at_once=2, fatal=(), fails=None):
        self.scheduler = FakeScheduler()
        self.fails = fails or {}
        self.progress = []
        self.crew = Crew(self.scheduler, self.work, at_once, fatal, self.progress.append)

    def work(self, item):
        self.scheduler.sleep(1)
        if item in self.fails:
            raise self.fails[item]
        return item.upper()

    def do(self, items, seconds=60):
        task = self.scheduler.spawn(self.crew.do, items, seconds)
        self.scheduler.run(task.ready)
        task.get()
        return (self.scheduler.now_us() - START_US) / 1e6


def test_everything_is_done():
    work = Work()
    assert work.do("abcde") == 3
    assert work.crew.made == dict(enumerate("ABCDE"))
    assert work.progress == [3]


def test_nothing_to_do_takes_no_time():
    assert Work().do("") == 0


def test_one_failure_does_not_stop_the_others():
    work = Work(fails={"b": ValueError("no")})
    work.do("abc")
    assert (work.crew.made, list(work.crew.failed)) == ({0: "A", 2: "C"}, [1])


def test_a_fatal_one_stops_them_all():
    work = Work(fatal=(RunError,), fails={"b": RunError("never")})
    with pytest.raises(RunError, match="never"):
        work.do("abcdef")
    assert len(work.crew.made) <= 3


def test_at_the_deadline_it_returns_with_what_there_is():
    work = Work()
    assert work.do("abcdef", seconds=2.5) == 2.5
    assert work.crew.made == dict(enumerate("ABCD"))
    work.scheduler.advance(5)
    assert len(work.crew.made) == 4


def test_who_stops_it_stops_what_it_does():
    work = Work()
    task = work.scheduler.spawn(work.crew.do, "abcdef", 60)
    work.scheduler.advance(1.5)
    task.kill(block=False)
    work.scheduler.advance(5)
    assert len(work.crew.made) == 2
