"""What is measured of a run: by one worker, or, added up, by all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hubbub.health import Health
from hubbub.ledger import Counts, Finding, Timings
from hubbub.ledger.frame_types import FrameTypes
from hubbub.ledger.history import History
from hubbub.metrics.attendance import Attendance
from hubbub.metrics.in_flight import InFlight
from hubbub.metrics.load import Load
from hubbub.metrics.phase_stats import PhaseStats
from hubbub.metrics.texts import Texts


@dataclass(kw_only=True)
class Measurements:
    """Counts, times, health and evidence.

    `conversations` has the counts of each conversation by its index, and `load` what was planned and sent in each
    second, once the run is over. `addresses` counts the connections to each address. `clock_bound_us` is how far off
    the receive stamps may be, None without stamps.
    """

    counts: Counts = field(default_factory=Counts)
    timings: Timings = field(default_factory=Timings)
    phase_stats: PhaseStats = field(default_factory=PhaseStats)
    health: Health = field(default_factory=Health)
    history: History = field(default_factory=History)
    load: Load = field(default_factory=Load)
    frame_types: FrameTypes = field(default_factory=FrameTypes)
    refusals: Texts = field(default_factory=Texts)
    held_at_limit: int = 0
    in_flight: InFlight = field(default_factory=InFlight)
    attendance: Attendance = field(default_factory=Attendance)
    addresses: Counter[str] = field(default_factory=Counter)
    clock_bound_us: int | None = None
    findings: list[Finding] = field(default_factory=list)
    conversations: dict[int, Counts] = field(default_factory=dict)

    def add(self, other: Measurements) -> None:
        """Add what another worker has measured. Findings are left out: the aggregator keeps the first ones."""
        self.counts.add(other.counts)
        self.timings.merge(other.timings)
        self.phase_stats.merge(other.phase_stats)
        self.health.merge(other.health)
        self.history.add(other.history)
        self.load.merge(other.load)
        self.frame_types.merge(other.frame_types)
        self.refusals.merge(other.refusals)
        self.held_at_limit = max(self.held_at_limit, other.held_at_limit)
        self.in_flight.merge(other.in_flight)
        self.attendance.merge(other.attendance)
        self.addresses.update(other.addresses)
        if other.clock_bound_us is not None:
            self.clock_bound_us = max(self.clock_bound_us or 0, other.clock_bound_us)
        self.conversations |= other.conversations
