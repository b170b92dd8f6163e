"""A frame handler that keeps what it gets."""

import gevent

from hubbub.clock import monotonic_us


class Collector:
    """A handler that keeps what it gets."""

    def __init__(self):
        self.messages, self.frames, self.closed = [], [], []
        self.over = gevent.event.Event()

    def take_known(self, buffer, start, end, now_us, arrived_us, earlier_us):
        return start

    def on_message(self, payload, now_us, arrived_us, frame):
        assert now_us <= monotonic_us()
        self.messages.append(payload)
        self.frames.append(frame)

    def on_window_closed(self, now_us):
        self.windows_closed = getattr(self, "windows_closed", 0) + 1

    def on_closed(self, closing, now_us):
        self.closing = closing
        self.closed.append((closing.code, closing.reason))
        self.over.set()
