"""`summary.json`, schema 1: exact integer counts, milliseconds as floats, None for what was not measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from hubbub.config import Settings
from hubbub.ledger import Counts, Timings
from hubbub.metrics.tally import Tally
from hubbub.report.verdict import EXIT_CODES, judge

SCHEMA = 1
TIMED_SERIES = ("response", "delivery", "send_lag", "room_complete")


@dataclass
class Outcome:
    """Everything that is known about a run when it is over. `started_at` is ISO 8601, UTC."""

    run_id: str
    started_at: str
    duration_s: float
    settings: Settings
    users: int
    workers: int
    versions: dict[str, str]
    counts: Counts = field(default_factory=Counts)
    timings: Timings = field(default_factory=Timings)
    tally: Tally = field(default_factory=Tally)
    interruption: str = ""
    lost_workers: list[str] = field(default_factory=list)
    history_problem: str = ""

    @property
    def has_churn(self) -> bool:
        """Whether users were meant to come and go."""
        return self.settings.shape != "none" or any(name not in ("Chatter", "Lurker") for name in self.settings.mix)


def build_summary(outcome: Outcome) -> dict[str, Any]:
    """The summary as plain values, in the schema's order."""
    counts = outcome.counts
    result, reasons = judge(outcome)
    return {
        "schema": SCHEMA,
        "run": _run(outcome),
        "verdict": {
            "result": result,
            "reasons": [asdict(reason) for reason in reasons],
            "exit_code": EXIT_CODES[result],
        },
        "connections": asdict(outcome.tally.connections),
        "messages": _pick(counts, "planned sent unsent confirmed refused throttled vanished indefinite"),
        "deliveries": _pick(
            counts,
            "due expected delivered lost excused received optional duplicated out_of_order leaked corrupt foreign late",
        ),
        "latency_ms": _latencies(outcome),
        "health": {
            "clean_ratio": None,
            "cpu_max": None,
            "loop_lag_p99_ms": None,
            "dropped_by_us": None,
            "lost_workers": outcome.lost_workers,
            "clock_bound_us": None,
        },
        "slo": None,
        "errors": _errors(outcome.tally),
    }


def _run(outcome: Outcome) -> dict[str, Any]:
    settings = outcome.settings
    return {
        "id": outcome.run_id,
        "started_at": outcome.started_at,
        "duration_s": outcome.duration_s,
        "profile": settings.profile,
        "contract": settings.contract,
        "host": settings.host,
        "model": "open",
        "users": outcome.users,
        "workers": outcome.workers,
        "seed": settings.seed,
        "versions": outcome.versions,
    }


def _pick(counts: Counts, names: str) -> dict[str, int]:
    return {name: getattr(counts, name) for name in names.split()}


def _latencies(outcome: Outcome) -> dict[str, Any]:
    histograms = {name: getattr(outcome.timings, name) for name in TIMED_SERIES} | outcome.tally.series
    return {name: histogram.summary() if histogram.count else None for name, histogram in histograms.items()}


def _errors(tally: Tally) -> list[dict[str, Any]]:
    return [
        {
            "class": kind,
            "count": error.count,
            "first_at": round(error.first_us / 1e6, 3),
            "last_at": round(error.last_us / 1e6, 3),
            "sample": error.sample,
        }
        for kind, error in sorted(tally.errors.items(), key=lambda item: (-item[1].count, item[0]))
    ]
