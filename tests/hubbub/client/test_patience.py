"""Waiting for limits: as long as the backend asks for, or longer each time, and not all at once."""

import pytest

from hubbub.client.patience import LONGEST_WAIT_S, Patience
from hubbub.errors import Throttled
from tests.twins.scheduler import FakeScheduler


def test_it_waits_longer_each_time_up_to_a_limit():
    patience = Patience(FakeScheduler(), 0)
    waits = [patience.next_s(Throttled()) for _ in range(9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert waits[-1] == LONGEST_WAIT_S


@pytest.mark.parametrize(("asked_s", "least_s"), [(30.0, 30.0), (0.0, 1.0)])
def test_it_waits_as_long_as_it_is_asked_to(asked_s, least_s):
    waits = {Patience(FakeScheduler(), number).next_s(Throttled("", asked_s)) for number in range(20)}
    assert min(waits) == least_s
    assert max(waits) < least_s + 1
    assert len(waits) == 20


def test_it_waits_on_the_scheduler():
    scheduler = FakeScheduler()
    before_us = scheduler.now_us()
    task = scheduler.spawn(Patience(scheduler, 10).wait, Throttled())
    scheduler.run(task.ready)
    assert scheduler.now_us() - before_us == 1_500_000
