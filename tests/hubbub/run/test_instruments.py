"""Health is measured from the window's opening to the end of the drain, and not before or after."""

import pytest

from hubbub.run.instruments import Instruments
from tests.hubbub.client.conftest import Place
from tests.twins.backend import QuietMachine


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def instruments(place):
    instruments = Instruments(place.context, QuietMachine(), "seed")
    yield instruments
    instruments.stop()


def second(place, instruments):
    place.scheduler.advance(1)
    instruments.close_second()


def test_only_seconds_between_start_and_stop_count(place, instruments):
    second(place, instruments)
    instruments.start()
    second(place, instruments)
    second(place, instruments)
    instruments.stop()
    second(place, instruments)
    assert (instruments.health.seconds, instruments.health.clean_ratio) == (2, 1.0)


def test_frames_that_the_generator_dropped_are_its_own(place, instruments):
    instruments.start()
    place.transport.handler_errors = 3
    second(place, instruments)
    second(place, instruments)
    assert instruments.health.dropped == 3


def test_what_is_in_flight_is_sampled_now_and_then(place, instruments):
    instruments.start()
    place.scheduler.advance(30)
    assert instruments.in_flight.samples > 20
