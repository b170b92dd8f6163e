"""The sending window is full, cut short, or open until the run is stopped."""

import pytest

from hubbub.options import resolve
from hubbub.run.window import Window
from tests.twins.scheduler import FakeScheduler


@pytest.fixture
def scheduler():
    return FakeScheduler()


def window_of(scheduler, **options):
    return Window(resolve({"duration": "10s"} | options), scheduler.now_us)


def test_before_it_opens_no_time_has_passed(scheduler):
    window = window_of(scheduler)
    scheduler.advance(5)
    window.close()
    assert (window.elapsed_us, window.is_over, window.was_cut_short) == (0, False, True)


def test_it_is_over_after_the_duration(scheduler):
    window = window_of(scheduler)
    window.open()
    scheduler.advance(9)
    assert not window.is_over
    scheduler.advance(1)
    assert (window.elapsed_us, window.is_over) == (10_000_000, True)


def test_without_a_duration_it_is_never_over_and_never_cut_short(scheduler):
    window = window_of(scheduler, duration="until-stopped")
    window.open()
    scheduler.advance(1_000)
    window.close()
    assert (window.is_over, window.was_cut_short) == (False, False)


@pytest.mark.parametrize(("seconds", "is_short"), [(9, True), (10, False), (11, False)])
def test_it_is_cut_short_by_closing_before_its_time(scheduler, seconds, is_short):
    window = window_of(scheduler)
    window.open()
    scheduler.advance(seconds)
    window.close()
    scheduler.advance(60)
    assert window.was_cut_short is is_short
    window.close()
    assert window.was_cut_short is is_short
