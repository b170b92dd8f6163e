"""What happened in the phases of users' lives: times, outcomes of connections, and errors by class."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from hubbub.errors import Failure, Owner
from hubbub.metrics.histogram import Histogram

PHASE_SERIES = ("login", "conversation", "ticket", "connect", "join", "reconnect", "post")
SAMPLE_LENGTH = 200
CLASS_LENGTH, MAX_CLASSES, OTHERS = 120, 100, "others"
"""A class may hold what the backend said: so many of them travel in every report, and the rest is counted together."""


@dataclass(slots=True)
class Connections:
    """Connection attempts, retries included, by their outcome; `ready` counts clients that were ever ready.

    `throttled` counts calls on the way to them that had to wait for the backend's limits. When the window closes,
    `ready_at_end` counts the clients that are ready, `never_back` those whose connection ended and is not back.
    `presence` counts frames that say who is online: client/presence.py. The
    `unproven` ones are those of `failed` and `dropped` that the generator itself may have caused.
    """

    attempted: int = 0
    succeeded: int = 0
    failed: int = 0
    dropped: int = 0
    ready: int = 0
    failed_unproven: int = 0
    dropped_unproven: int = 0
    throttled: int = 0
    ready_at_end: int = 0
    never_back: int = 0
    presence_told: int = 0
    presence_wrong: int = 0


@dataclass(slots=True)
class ErrorClass:
    """One kind of error: how often, when first and last (microseconds of the run), one sample text, and whose it is."""

    count: int
    first_us: int
    last_us: int
    sample: str
    failure: Failure

    def add(self, count: int, first_us: int, last_us: int, failure: Failure) -> None:
        """More of it."""
        self.count += count
        self.first_us = min(self.first_us, first_us)
        self.last_us = max(self.last_us, last_us)
        if failure != self.failure:
            self.failure = self.failure.common_with(failure)


@dataclass
class PhaseStats:
    """The phases, connections and errors of one worker; the master adds them up with `merge`.

    `low` has the low ends of the series: what of each phase was surely not the generator's own lateness.
    """

    series: dict[str, Histogram] = field(default_factory=lambda: {name: Histogram() for name in PHASE_SERIES})
    low: dict[str, Histogram] = field(default_factory=lambda: {name: Histogram() for name in PHASE_SERIES})
    connections: Connections = field(default_factory=Connections)
    errors: dict[str, ErrorClass] = field(default_factory=dict)
    attempts: int = 0

    def phase(self, name: str, elapsed_us: int, low_us: int) -> None:
        """One phase that succeeded, and how long it took: by the clock, and without our own lateness."""
        self.attempts += 1
        if name in self.series:
            self.time(name, elapsed_us, low_us)

    def time(self, name: str, elapsed_us: int, low_us: int) -> None:
        """One time of a series."""
        self.series[name].record(elapsed_us)
        self.low[name].record(low_us)

    @property
    def own_error_count(self) -> int:
        """How many of the errors are no evidence against the backend."""
        return sum(error.count for error in self.errors.values() if error.failure.owner is not Owner.BACKEND)

    def error(self, failure: Failure, at_us: int, sample: str, is_attempt: bool = True) -> None:
        """One error of a class such as `login: HTTP 500`; `is_attempt` when a call, connect, join or send failed."""
        self.attempts += is_attempt
        kind = str(failure)[:CLASS_LENGTH]
        if kind not in self.errors and len(self.errors) >= MAX_CLASSES:
            failure = Failure(OTHERS, owner=failure.owner)
            kind = str(failure)
        known = self.errors.get(kind)
        if known is None:
            short = replace(failure, name=failure.name[:CLASS_LENGTH])
            self.errors[kind] = ErrorClass(1, at_us, at_us, sample[:SAMPLE_LENGTH], short)
        else:
            known.add(1, at_us, at_us, failure)

    @property
    def error_count(self) -> int:
        return sum(error.count for error in self.errors.values())

    def merge(self, other: PhaseStats) -> None:
        """Add another worker's phase_stats to this one."""
        for name, histogram in other.series.items():
            self.series[name].merge(histogram)
            self.low[name].merge(other.low[name])
        for each in fields(Connections):
            total = getattr(self.connections, each.name) + getattr(other.connections, each.name)
            setattr(self.connections, each.name, total)
        self.attempts += other.attempts
        for kind, theirs in other.errors.items():
            mine = self.errors.setdefault(kind, replace(theirs, count=0))
            mine.add(theirs.count, theirs.first_us, theirs.last_us, theirs.failure)

    def since(self, earlier: PhaseStats) -> PhaseStats:
        """What was counted after an earlier state of this phase_stats."""
        later = PhaseStats()
        later.series = {name: histogram.since(earlier.series[name]) for name, histogram in self.series.items()}
        later.low = {name: histogram.since(earlier.low[name]) for name, histogram in self.low.items()}
        for each in fields(Connections):
            added = getattr(self.connections, each.name) - getattr(earlier.connections, each.name)
            setattr(later.connections, each.name, added)
        later.attempts = self.attempts - earlier.attempts
        for kind, error in self.errors.items():
            before = earlier.errors[kind].count if kind in earlier.errors else 0
            if error.count > before:
                later.errors[kind] = replace(error, count=error.count - before)
        return later
