"""The real scheduler waits, calls later, and stops when it is told to."""

from gevent.event import AsyncResult, Event

from hubbub.client.scheduler import GeventScheduler

scheduler = GeventScheduler()


def test_time_goes_on_while_one_sleeps():
    before_us = scheduler.now_us()
    scheduler.sleep(0.01)
    assert scheduler.now_us() > before_us


def test_a_call_is_made_later_unless_it_is_cancelled():
    called, event = [], Event()
    scheduler.call_later(0.001, lambda: called.append("cancelled")).cancel()
    scheduler.call_later(0.002, event.set)
    assert scheduler.wait(event, 10)
    assert not called


def test_a_wait_says_whether_it_came_in_time():
    result = AsyncResult()
    assert not scheduler.wait(result, 0.001)
    task = scheduler.spawn(result.set, None)
    assert scheduler.wait(result)
    task.kill()
