"""What most people write: stock Locust with websocket-client, one greenlet per connection that reads.

With the library's own UTF-8 check switched off: it is pure Python and would take most of the time.

Parses every delivery's JSON, takes the send time out of its content and fires Locust's request event once a second with
the mean, because firing it for each would cost more than all the rest.
"""

from __future__ import annotations

import itertools
import json
import os
import time

import gevent
import websocket
from locust import User, task

ROOMS, INTERVAL_S = int(os.environ["BENCH_ROOMS"]), float(os.environ["BENCH_INTERVAL_S"])
TEXT = "x" * max(0, int(os.environ["BENCH_SIZE"]) - 20)
numbers = itertools.count()


class Chatter(User):  # type: ignore[misc]
    """One connection that chats."""

    def on_start(self) -> None:
        number = next(numbers)
        self.room = number % ROOMS + 1
        url = self.host.replace("http", "ws", 1) + "/"
        self.socket = websocket.create_connection(url, timeout=None, enable_multithread=True, skip_utf8_validation=True)
        self.socket.send(json.dumps({"hello": f"user-{number}"}))
        self.socket.send(json.dumps({"join": self.room}))
        self.count, self.total_ms = 0, 0.0
        gevent.spawn(self.read)

    def read(self) -> None:
        while True:
            frame = json.loads(self.socket.recv())
            if "deliver" in frame:
                self.count += 1
                self.total_ms += (time.monotonic_ns() - int(frame["deliver"][:16])) / 1e6
                if self.count % 100 == 0:
                    self.report()

    def report(self) -> None:
        mean_ms = self.total_ms / 100
        row = {"request_type": "WS", "name": "delivery", "response_time": mean_ms, "response_length": 0}
        self.environment.events.request.fire(**row, exception=None, context={})
        self.total_ms = 0.0

    @task  # type: ignore[untyped-decorator]
    def say(self) -> None:
        self.socket.send(json.dumps({"send": f"{time.monotonic_ns():016}{TEXT}", "to": self.room}))
        gevent.sleep(INTERVAL_S)
