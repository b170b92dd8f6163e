"""A slow step says what it does, a quick one nothing."""

import gevent
import pytest

from hubbub.run.steps import told_if_slow
from tests.twins.scheduler import FakeScheduler


@pytest.fixture
def scheduler():
    return FakeScheduler()


def test_a_step_of_a_second_is_told_and_again_every_ten(scheduler, capsys):
    done = iter(range(9))

    def step():
        with told_if_slow(scheduler, lambda: f"counting: {next(done)}"):
            scheduler.sleep(15)

    gevent.spawn(step)
    scheduler.advance(60)
    assert capsys.readouterr().err == "hubbub: counting: 0\nhubbub: counting: 1\n"


def test_a_quick_step_says_nothing_even_if_it_fails(scheduler, capsys):
    with pytest.raises(ZeroDivisionError), told_if_slow(scheduler, lambda: "counting"):
        raise ZeroDivisionError
    scheduler.advance(60)
    assert capsys.readouterr().err == ""
