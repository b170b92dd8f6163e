"""The usual locustfile on a generator whose event loop stalls for 60 ms every second."""

from __future__ import annotations

import sys
from pathlib import Path

import gevent
from gevent import monkey

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import locustfile
from users import all_users

assert locustfile, "it makes this process a run"
globals().update(all_users())
STALL_S, EVERY_S = 0.06, 1.0
really_sleep = monkey.get_original("time", "sleep")


def stall_now_and_then() -> None:
    """Runs in this process from its start: it is not forked."""
    while True:
        gevent.sleep(EVERY_S)
        really_sleep(STALL_S)


gevent.spawn(stall_now_and_then)
