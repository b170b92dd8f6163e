"""What of a wait may have been the generator's own doing."""

import pytest

from hubbub.errors import ConnectError
from hubbub.health import BackendWait, Lateness
from hubbub.health.loop import BEAT_US
from tests.twins.scheduler import FakeScheduler


@pytest.fixture
def scheduler():
    return FakeScheduler()


@pytest.fixture
def lateness(scheduler):
    lateness = Lateness(scheduler, None, lambda: None)
    lateness.loop.start()
    yield lateness
    lateness.loop.stop()


def test_a_wait_is_shorter_by_each_beat_that_it_may_have_missed(scheduler, lateness):
    began_us = scheduler.now_us()
    scheduler.advance(1)
    assert lateness.low_us(began_us, scheduler.now_us(), waits=2) == 1_000_000 - 2 * BEAT_US
    assert lateness.low_us(began_us, began_us + 1_000) == 0


def test_a_stall_is_no_time_of_the_backend(scheduler, lateness):
    began_us = scheduler.now_us()
    scheduler.time_us += 500_000
    scheduler.advance(0.5)
    assert lateness.low_us(began_us, scheduler.now_us(), waits=0) <= 500_000


def test_what_a_starved_backend_waited_is_taken_off(scheduler):
    waits = {"t": 0}
    lateness = Lateness(scheduler, BackendWait(scheduler.now_us, lambda: dict(waits)), lambda: None)
    lateness.loop.start()
    began_us = scheduler.now_us()
    scheduler.advance(0.5)
    waits["t"] = 200_000
    scheduler.advance(0.5)
    assert lateness.low_us(began_us, scheduler.now_us(), waits=0) == 800_000
    lateness.loop.stop()


def test_an_error_may_be_ours_by_what_it_says_or_by_a_stall(scheduler, lateness):
    assert lateness.may_have_caused(ConnectError("EMFILE", is_ours=True))
    assert not lateness.may_have_caused(ConnectError("refused"))
    scheduler.time_us += 2_000_000
    scheduler.advance(0.1)
    assert lateness.may_have_caused(ConnectError("refused"))


def test_every_beat_looks_and_samples_the_backend(scheduler):
    looks, samples = [], []

    def read():
        samples.append(1)
        return {}

    lateness = Lateness(scheduler, BackendWait(scheduler.now_us, read), lambda: looks.append(1))
    lateness.loop.start()
    scheduler.advance(1)
    lateness.loop.stop()
    assert (len(looks), len(samples)) == (50, 51)


def test_stalls_and_waits_of_the_backend_add_up(scheduler):
    waits = {"t": 0}
    lateness = Lateness(scheduler, BackendWait(scheduler.now_us, lambda: dict(waits)), lambda: None)
    lateness.loop.start()
    began_us = scheduler.now_us()
    waits["t"] = 200_000
    scheduler.time_us += 500_000
    scheduler.advance(0.5)
    since_the_last_beat_us = BEAT_US
    late_us = 500_000 + since_the_last_beat_us + BEAT_US + 200_000
    assert lateness.low_us(began_us, scheduler.now_us(), waits=1) == 1_000_000 - late_us
    lateness.loop.stop()


def test_an_error_that_says_nothing_of_us_is_not_ours(lateness):
    assert not lateness.may_have_caused(ValueError("x"))
