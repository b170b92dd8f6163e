"""Who was asked for, who came, and for how much of the time."""

import pytest

from hubbub.client.population import Population
from tests.twins.scheduler import FakeScheduler


@pytest.fixture
def scheduler():
    return FakeScheduler()


@pytest.fixture
def population(scheduler):
    return Population(scheduler.now_us, grace_us=2_000_000)


def seconds(population):
    attendance = population.attendance()
    return attendance.asked_us / 1e6, attendance.ready_us / 1e6


def come(population, client):
    population.ask(client)
    population.joined(client)
    population.connected()


def test_all_who_were_asked_for_were_there(population, scheduler):
    for client in range(3):
        come(population, client)
    scheduler.advance(7)
    population.open_window()
    scheduler.advance(10)
    population.close_window()
    scheduler.advance(5)
    population.disconnected()
    attendance = population.attendance(remaining=4)
    assert (attendance.asked, attendance.ready, attendance.lost, attendance.remaining) == (3, 3, 0, 4)
    assert (seconds(population), attendance.applied) == ((30, 30), 1.0)


def test_no_time_counts_after_the_end_of_the_window(population, scheduler):
    come(population, 0)
    population.ask(1)
    population.open_window(10_000_000)
    scheduler.advance(11)
    assert seconds(population) == (20, 10)
    population.close_window()
    assert seconds(population) == (20, 10)


def test_who_is_not_ready_when_the_window_opens_is_missing(population, scheduler):
    come(population, 0)
    population.ask(1)
    population.open_window()
    scheduler.advance(4)
    assert seconds(population) == (8, 4)
    population.joined(1)
    population.connected()
    scheduler.advance(4)
    assert seconds(population) == (16, 12)
    assert population.attendance().ready == 2


def test_who_is_asked_for_later_has_time_to_get_ready(population, scheduler):
    population.open_window()
    population.ask(0)
    population.ask(1)
    scheduler.advance(1.5)
    population.joined(0)
    population.connected()
    scheduler.advance(2.5)
    assert seconds(population) == (2.5 + 2, 2.5)


def test_a_connection_that_is_lost_for_a_while_was_asked_for(population, scheduler):
    come(population, 0)
    population.open_window()
    scheduler.advance(3)
    population.disconnected()
    scheduler.advance(1)
    population.joined(0)
    population.connected()
    scheduler.advance(6)
    assert seconds(population) == (10, 9)
    assert population.attendance().ready == 1


def test_who_is_stopped_was_asked_for_until_then(population, scheduler):
    come(population, 0)
    come(population, 1)
    population.ask(2)
    population.open_window()
    scheduler.advance(3)
    population.disconnected()
    population.leave(1)
    population.leave(2)
    scheduler.advance(7)
    assert seconds(population) == (10 + 3 + 3, 10 + 3)
    attendance = population.attendance()
    assert (attendance.asked, attendance.present) == (3, 1)


def test_a_client_is_lost_once_however_often_it_ends(population):
    come(population, 0)
    for _ in range(3):
        population.lose(0, "a class")
    population.lose(1, "another")
    attendance = population.attendance()
    assert (attendance.lost, dict(attendance.lost_by)) == (2, {"a class": 1, "another": 1})
    population.lose(2, "a class")
    assert attendance.lost_by["a class"] == 1


def test_without_a_window_no_time_counts(population, scheduler):
    come(population, 0)
    scheduler.advance(5)
    population.close_window()
    assert (seconds(population), population.attendance().applied) == ((0, 0), None)
