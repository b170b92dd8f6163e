"""Everything that is known about a run: what workers reported, added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hubbub.metrics.histogram import Histogram, milliseconds
from hubbub.metrics.low_ends import LowEnds
from hubbub.options import Settings
from hubbub.report.measurements import Measurements

LOST_WITH_WORKER = "their worker was lost"
NEVER_STARTED = "never started"


LOW_ENDS = {"room_complete": "room_low", "recovery": "recovery_low"}
"""Where the low ends of a series are, but for those of response and delivery, which are the same."""


@dataclass(kw_only=True)
class RunResult(Measurements):
    """A run as it is now, or when it is over. `started_at` is ISO 8601, UTC.

    `comes_and_goes`: a user class of the run says of itself that it leaves its conversation on purpose.
    `chatting_share` is the share of the clients that send by a plan. `accounts`: how many logged in and signed up.
    `lost_workers` has when each was lost, in words. `canary` is what the canary saw, in milliseconds; None without one.
    `rejected_reports` counts reports of strangers by the worker that they name. `failure` is an exception of our own.
    `output_problem` says what of the results could not be written.
    """

    run_id: str
    started_at: str
    duration_s: float
    settings: Settings
    users: int
    workers: int
    versions: dict[str, str]
    comes_and_goes: bool = False
    chatting_share: float = 1.0
    accounts: dict[str, int] = field(default_factory=dict)
    interruption: str = ""
    aborted: str = ""
    lost_workers: dict[str, str] = field(default_factory=dict)
    rejected_reports: dict[str, int] = field(default_factory=dict)
    history_problem: str = ""
    failure: str = ""
    canary: Mapping[str, Any] | None = None
    canary_problem: str = ""
    output_problem: str = ""

    def blank(self) -> RunResult:
        """The same run, before anything was measured."""
        named = ["run_id", "started_at", "duration_s", "settings", "users", "workers", "versions"]
        named += ["comes_and_goes", "chatting_share", "accounts"]
        return RunResult(**{name: getattr(self, name) for name in named})

    def miss_rest_of(self, lost: Measurements, window_us: int) -> None:
        """A worker was lost after it had reported this: what its clients still planned is unsent, and they are lost.

        Deliveries that were not decided then are excused: their connections ended with the worker.
        """
        attendance = lost.attendance
        missing = max(0, attendance.present - attendance.lost)
        counts = lost.counts
        self.counts.excused += counts.due - counts.delivered - counts.lost - counts.excused
        is_before_window = not attendance.asked_us
        self.counts.unsent += (
            self._planned_by(attendance.present, window_us) if is_before_window else attendance.remaining
        )
        self.attendance.lost += missing
        self.attendance.lost_by[LOST_WITH_WORKER] += missing
        self.attendance.asked_us += max(0, attendance.present * window_us - attendance.asked_us)

    def miss_clients(self, clients: int, window_us: int) -> None:
        """So many clients were asked for, and no worker has ever had them."""
        if clients <= 0:
            return
        self.attendance.asked += clients
        self.attendance.lost += clients
        self.attendance.lost_by[NEVER_STARTED] += clients
        self.attendance.asked_us += clients * window_us
        self.counts.unsent += self._planned_by(clients, window_us)

    def _planned_by(self, clients: int, window_us: int) -> int:
        """How many messages clients plan of whom no plan is known."""
        if self.settings.model == "closed":
            return 0
        return round(clients * self.chatting_share) * (window_us // self.settings.message_interval_us)

    @property
    def has_churn(self) -> bool:
        """Whether users were meant to come and go."""
        return self.settings.shape != "none" or self.comes_and_goes

    def series(self, name: str) -> Histogram:
        """A time series by its name in `summary.json`."""
        return self.phase_stats.series[name] if name in self.phase_stats.series else getattr(self.timings, name)

    def low(self, name: str, tolerance_us: int | None = None) -> Histogram:
        """The low ends of a series: all, or those of messages that were sent at most so late.

        How late our own sends were is a fact about us, with one end.
        """
        if name in self.phase_stats.low:
            return self.phase_stats.low[name]
        if name == "send_lag":
            return self.timings.send_lag
        low: LowEnds = getattr(self.timings, LOW_ENDS.get(name, "low"))
        return low.all() if tolerance_us is None else low.on_time(tolerance_us)

    def health_figures(self) -> dict[str, float | int | None]:
        """The figures of the generator's health, as `summary.json` has them."""
        health = self.health
        lag = health.loop_lag.quantile_us(0.99)
        return {
            "clean_ratio": None if health.clean_ratio is None else round(health.clean_ratio, 4),
            "cpu_max": None if health.cpu_max is None else round(health.cpu_max, 3),
            "loop_lag_p99_ms": milliseconds(lag[0]) if lag else None,
            "dropped_by_us": health.dropped if health.seconds else None,
        }

    def since(self, earlier: RunResult) -> RunResult:
        """What happened between an earlier state of the run and this one."""
        return replace(
            self,
            counts=self.counts.since(earlier.counts),
            timings=self.timings.since(earlier.timings),
            phase_stats=self.phase_stats.since(earlier.phase_stats),
        )
