"""A kind of user of one's own. Copy this file into users/ and name the class: `--mix Greeter=1,Lurker=9`."""

from __future__ import annotations

import time

from users.chatter import Chatter


class Greeter(Chatter):
    """A chatter that shows in a row of Locust's table how long the writing of its messages took."""

    def say(self) -> None:
        """Send the plan's next message, and tell Locust."""
        began = time.perf_counter()
        super().say()
        took_ms = (time.perf_counter() - began) * 1000
        self.environment.events.request.fire(
            request_type="GREETER", name="say", response_time=took_ms, response_length=0, exception=None
        )
