"""User classes that raise what CHAOS_RAISE names, in the place that CHAOS_PLACE names, one time in three."""

import itertools
import os

import gevent
from gevent import GreenletExit
from locust.exception import StopUser

import users.chatter
from hubbub import install

RAISED = {
    "Exception": lambda: ValueError("chaos"),
    "SystemExit": lambda: SystemExit(5),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GreenletExit": GreenletExit,
    "StopUser": StopUser,
    "Timeout": lambda: gevent.Timeout(1),
}
calls = itertools.count()


def maybe_raise(place):
    if os.environ["CHAOS_PLACE"] == place and next(calls) % 3 == 0:
        raise RAISED[os.environ["CHAOS_RAISE"]]()


class Chaotic(users.chatter.Chatter):
    """See the module."""

    def on_start(self):
        maybe_raise("on_start")

    def step(self):
        maybe_raise("step")
        super().step()

    def on_stop(self):
        maybe_raise("on_stop")


install()
