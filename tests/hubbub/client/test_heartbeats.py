"""Each connection beats once in an interval, and they do it in turn."""

import gc

from hubbub.client.heartbeats import TURNS, Heartbeats
from tests.twins.scheduler import FakeScheduler


class Beating:
    def __init__(self):
        self.beats = 0

    def beat(self):
        self.beats += 1


def test_each_connection_beats_once_in_each_interval():
    scheduler = FakeScheduler()
    heartbeats, connections = Heartbeats(scheduler, 10.0), [Beating() for _ in range(40)]
    for connection in connections + connections:
        heartbeats.add(connection)
    scheduler.advance(10 / TURNS + 0.01)
    assert sum(each.beats for each in connections) == 3
    scheduler.advance(29.9 - 10 / TURNS)
    assert {each.beats for each in connections} == {2, 3}
    heartbeats.stop()
    scheduler.advance(60)
    assert {each.beats for each in connections} == {2, 3}


def test_a_connection_that_is_gone_is_forgotten():
    scheduler = FakeScheduler()
    heartbeats = Heartbeats(scheduler, 1.0)
    heartbeats.add(Beating())
    gc.collect()
    scheduler.advance(5)
    assert not any(heartbeats._turns)


def test_without_an_interval_nothing_beats():
    scheduler, connection = FakeScheduler(), Beating()
    heartbeats = Heartbeats(scheduler, 0.0)
    heartbeats.add(connection)
    heartbeats.stop()
    scheduler.advance(60)
    assert connection.beats == 0
