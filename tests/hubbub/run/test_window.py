"""The sending window is full, cut short, or open until the run is stopped."""

import pytest

from hubbub.options import resolve
from hubbub.run.window import Window
from tests.twins.scheduler import FakeScheduler


@pytest.fixture
def scheduler():
    return FakeScheduler()


def opened(scheduler, **options):
    window = Window(resolve({"duration": "10s"} | options), scheduler.now_us)
    window.open()
    return window


def test_before_it_opens_no_time_has_passed(scheduler):
    window = Window(resolve({}), scheduler.now_us)
    scheduler.advance(5)
    assert (window.elapsed_us, window.is_over) == (0, False)


def test_it_is_over_after_the_duration(scheduler):
    window = opened(scheduler)
    scheduler.advance(9)
    assert not window.is_over
    scheduler.advance(1)
    assert (window.elapsed_us, window.is_over) == (10_000_000, True)


def test_without_a_duration_it_is_never_over_and_never_cut_short(scheduler):
    window = opened(scheduler, duration="until-stopped")
    scheduler.advance(1_000)
    assert (window.is_over, window.was_cut_short) == (False, False)


def test_it_is_cut_short_unless_its_backlog_had_its_time(scheduler):
    window = opened(scheduler)
    scheduler.advance(11)
    assert window.was_cut_short
    window.is_full = True
    assert not window.was_cut_short


def test_a_shape_may_end_it_as_soon_as_it_is_over(scheduler):
    window = opened(scheduler, shape="ramp")
    scheduler.advance(9)
    assert window.was_cut_short
    scheduler.advance(1)
    assert not window.was_cut_short
