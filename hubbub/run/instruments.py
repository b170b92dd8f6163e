"""What a worker measures of itself while it measures a backend: its health, second by second, and what is in flight."""

from __future__ import annotations

from random import Random

from hubbub.client.context import WorkerContext
from hubbub.clock import US_PER_SECOND, Task
from hubbub.health import Health, Machine, Sampler
from hubbub.metrics.in_flight import InFlight

IN_FLIGHT_INTERVAL_S = 0.5
"""Mean time between two samples of what is in flight. The times are random: the senders may have a rhythm."""


class Instruments:
    """Measures from `start` to `stop`: the window and the drain. What comes before and after may be hard work."""

    def __init__(self, context: WorkerContext, machine: Machine, seed: str) -> None:
        self.health = Health()
        self.in_flight = InFlight()
        self._context = context
        self._sampler = Sampler(context.now_us, context.lateness.loop, self.health.loop_lag, machine)
        self._random = Random(seed)
        self._is_measuring = False
        self._dropped = 0
        self._sampling: Task | None = None

    def start(self) -> None:
        """The window opens."""
        self._sampler.start()
        self._is_measuring = True
        self._sampling = self._context.scheduler.spawn(self._sample_in_flight)

    def close_second(self) -> None:
        """A second is over: judge it, and take its times into the ledger's."""
        ledger, transport = self._context.ledger, self._context.transport
        if self._is_measuring:
            failed = transport.statistics()["handler_errors"]
            dropped, self._dropped = failed - self._dropped, failed
            second = ledger.latencies.second
            self.health.add(self._sampler.close_second(second.send_lag, second.response, dropped))
        ledger.close_second(has_low_ends=transport.stamps_are_steady())

    def _sample_in_flight(self) -> None:
        context = self._context
        before_us = now_us = 0
        while self._is_measuring:
            wait_s = self._random.expovariate(1 / IN_FLIGHT_INTERVAL_S)
            wakes_us = context.now_us() + round(wait_s * US_PER_SECOND)
            context.scheduler.sleep(wait_s)
            before_us, now_us = now_us, context.now_us()
            since_us, late_us = now_us - before_us if before_us else 0, max(0, now_us - wakes_us)
            self.in_flight.sample(context.ledger.in_flight(), since_us, late_us)

    def stop(self) -> None:
        """The drain is over, or the run is abandoned. Idempotent."""
        if self._sampling is not None:
            self._sampling.kill(block=False)
        self._is_measuring = False
        self._sampler.stop()
