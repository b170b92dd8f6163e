"""What makes a second of a generator unclean, and the record of a worker's seconds.

It is diagnosis: it explains why an objective is open, and by itself decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hubbub.metrics.histogram import Histogram

CPU_LIMIT = 0.8
RUN_QUEUE_LIMIT, RUN_QUEUE_LATE_US = 0.02, 2_500
"""Waiting for a core is no harm by itself: the kernel likes to wake a receiver on the core of its sender, so that a
healthy generator beside its backend waits 2 to 8 % of the time, and sends at most 1.5 ms late. A busy loop on its core
makes it 4 ms late and more.
"""
LOOP_LAG_LIMIT_US = 50_000
GC_PAUSE_LIMIT_US = 10_000
SEND_LAG_LIMIT_US = 5_000
SEND_LAG_SHARE = 0.1
"""Of the response's p50: against a slow backend a little more lag of our own is no matter."""

WORTH_NAMING_US = 5_000
SHORTEST_US = 500_000
MAX_UNCLEAN = 1_000


@dataclass(frozen=True, slots=True)
class Second:
    """What was sampled from one call to the next, about a second. Times in microseconds.

    None stands for what this machine does not tell (`run_queue_us`, `throttled`) or what did not happen often enough
    (`send_lag_p99_us`, `response_p50_us`).
    """

    began_us: int
    ended_us: int
    cpu_us: int
    loop_lag_us: int
    gc_pause_us: int = 0
    run_queue_us: int | None = None
    throttled: int | None = None
    send_lag_p99_us: float | None = None
    response_p50_us: float | None = None
    dropped: int = 0

    @property
    def span_us(self) -> int:
        return max(1, self.ended_us - self.began_us)

    @property
    def is_whole(self) -> bool:
        """Whether it is long enough for shares of it to mean something; the first and the last may be short."""
        return self.span_us >= SHORTEST_US


def causes_of(second: Second) -> list[str]:
    """Why a second is not clean; nothing when it is."""
    causes = []
    if second.is_whole and second.cpu_us > CPU_LIMIT * second.span_us:
        causes.append("CPU of the process over 80 % of a core")
    if second.loop_lag_us > LOOP_LAG_LIMIT_US:
        causes.append("event loop over 50 ms late")
    late_us = max(second.loop_lag_us, second.send_lag_p99_us or 0.0)
    is_waiting = second.is_whole and (second.run_queue_us or 0) > RUN_QUEUE_LIMIT * second.span_us
    if is_waiting and late_us > RUN_QUEUE_LATE_US:
        causes.append("run-queue delay")
    if second.throttled:
        causes.append("CPU-throttled by cgroup")
    if second.gc_pause_us > GC_PAUSE_LIMIT_US and second.loop_lag_us > GC_PAUSE_LIMIT_US:
        causes.append("garbage collection over 10 ms")
    if second.send_lag_p99_us is not None:
        limit_us = max(SEND_LAG_LIMIT_US, SEND_LAG_SHARE * (second.response_p50_us or 0.0))
        if second.send_lag_p99_us > limit_us:
            causes.append("send lag p99 over 5 ms")
    if second.dropped:
        causes.append("frames dropped by the generator")
    return causes


@dataclass
class Health:
    """A worker's seconds so far; the master adds workers up with `merge`.

    `unclean` lists the first unclean seconds as (began, ended, causes), `cause_us` says for how long each cause was
    seen. `stall_us` is the longest time for which the event loop did nothing. `cpu_max` is the highest CPU of one
    worker's second, as a share of a core.
    """

    seconds: int = 0
    clean_us: int = 0
    unclean_us: int = 0
    cpu_max: float | None = None
    stall_us: int = 0
    dropped: int = 0
    loop_lag: Histogram = field(default_factory=Histogram)
    unclean: list[tuple[int, int, list[str]]] = field(default_factory=list)
    cause_us: dict[str, int] = field(default_factory=dict)

    def add(self, second: Second) -> None:
        """Judge one more second."""
        causes = causes_of(second)
        self.seconds += 1
        if second.is_whole:
            self.cpu_max = max(self.cpu_max or 0.0, second.cpu_us / second.span_us)
        self.stall_us = max(self.stall_us, second.loop_lag_us)
        self.dropped += second.dropped
        if not causes:
            self.clean_us += second.span_us
            return
        self.unclean_us += second.span_us
        for cause in causes:
            self.cause_us[cause] = self.cause_us.get(cause, 0) + second.span_us
        if len(self.unclean) < MAX_UNCLEAN:
            self.unclean.append((second.began_us, second.ended_us, causes))

    @property
    def clean_ratio(self) -> float | None:
        """The share of the time that was clean; None when nothing was sampled."""
        total_us = self.clean_us + self.unclean_us
        return self.clean_us / total_us if total_us else None

    def causes(self) -> list[tuple[str, int]]:
        """What made seconds unclean, and for how long, the most frequent first."""
        return sorted(self.cause_us.items(), key=lambda item: -item[1])

    def diagnosis(self) -> str:
        """What explains lateness of the generator in one line; nothing if every second was clean."""
        parts = [f"{cause} in {us / 1e6:.0f} s" for cause, us in self.causes()[:3]]
        if self.stall_us >= WORTH_NAMING_US:
            parts.insert(0, f"generator event loop stalled for up to {self.stall_us / 1e3:.0f} ms")
        return "; ".join(parts)

    def merge(self, other: Health) -> None:
        """Add another worker's seconds to these."""
        self.seconds += other.seconds
        self.clean_us += other.clean_us
        self.unclean_us += other.unclean_us
        if other.cpu_max is not None:
            self.cpu_max = max(self.cpu_max or 0.0, other.cpu_max)
        self.stall_us = max(self.stall_us, other.stall_us)
        self.dropped += other.dropped
        self.loop_lag.merge(other.loop_lag)
        self.unclean += other.unclean
        for cause, us in other.cause_us.items():
            self.cause_us[cause] = self.cause_us.get(cause, 0) + us
