"""A clock that stands still until everything waits, and then goes on to whatever is due next."""

import heapq
from itertools import count

import gevent
from gevent.event import Event

START_US = 100_000_000


class Timer:
    def __init__(self, function):
        self.function = function

    def cancel(self):
        self.function = None


class FakeScheduler:
    """The greenlets are gevent's, the time is not: hours take as long as what is done in them.

    Set `time_us` to a later time, and everything that was due meanwhile is late, as after a stall.
    """

    def __init__(self):
        self.time_us = START_US
        self._due = []
        self._order = count()

    def now_us(self):
        return self.time_us

    def sleep(self, seconds):
        if seconds <= 0:
            gevent.sleep(0)
            return
        event = Event()
        timer = self.call_later(seconds, event.set)
        try:
            event.wait()
        finally:
            timer.cancel()

    def spawn(self, function, *arguments):
        return gevent.spawn(function, *arguments)

    def call_later(self, seconds, function):
        timer = Timer(function)
        heapq.heappush(self._due, (self.time_us + round(seconds * 1e6), next(self._order), timer))
        return timer

    def wait(self, event, timeout_s=None):
        if timeout_s is None:
            event.wait()
            return event.ready()
        over = Event()
        timer = self.call_later(timeout_s, over.set)
        event.rawlink(lambda _: over.set())
        try:
            over.wait()
        finally:
            timer.cancel()
        return event.ready()

    def advance(self, seconds):
        """Let time go on for so long."""
        end_us = self.time_us + round(seconds * 1e6)
        self.run(lambda: False, end_us)
        self.time_us = max(self.time_us, end_us)

    def run(self, is_over, until_us=START_US + 3_600_000_000):
        """Let time go on until a condition holds; fails where it does not in time."""
        loop = gevent.get_hub().loop
        while True:
            gevent.idle()
            if is_over():
                return
            while self._due and self._due[0][2].function is None:
                heapq.heappop(self._due)
            if not self._due or self._due[0][0] > until_us:
                assert is_over() or until_us < START_US + 3_600_000_000, "nothing is due any more"
                return
            due_us, _, timer = heapq.heappop(self._due)
            self.time_us = max(self.time_us, due_us)
            loop.run_callback(timer.function)
