"""`summary.json`, schema 1: exact integer counts, milliseconds as floats, None for what was not measured."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hubbub.ledger import Counts, Finding
from hubbub.metrics.tally import Tally
from hubbub.report.outcome import Outcome
from hubbub.report.slo import SERIES, TIMED_SERIES, Objective, Result, figure_names
from hubbub.report.verdict import EXIT_CODES, judge

SCHEMA = 1


def build_summary(outcome: Outcome, held: list[tuple[Objective, Result]]) -> dict[str, Any]:
    """The summary as plain values, in the schema's order. `held` says what became of each objective."""
    counts = outcome.counts
    result, reasons = judge(outcome, held)
    return {
        "schema": SCHEMA,
        "run": _run(outcome),
        "verdict": {
            "result": result,
            "reasons": [asdict(reason) for reason in reasons],
            "exit_code": EXIT_CODES[result],
        },
        "connections": asdict(outcome.tally.connections),
        "messages": _pick(counts, "messages"),
        "deliveries": _pick(counts, "deliveries"),
        "latency_ms": {name: _series(outcome, name) for name in SERIES},
        "health": {
            **outcome.health_figures(),
            "lost_workers": outcome.lost_workers,
            # A conversation is whole on one worker, so sender and receiver read the same clock.
            "clock_bound_us": 0,
            "unclean": [{"seconds": us / 1e6, "cause": cause} for cause, us in outcome.health.causes()],
        },
        "slo": [result.to_dict() for _, result in held],
        "errors": _errors(outcome.tally),
        "clean": {
            "seconds": round(outcome.health.clean_us / 1e6, 3),
            "lost": counts.lost - counts.lost_unclean,
            "latency_ms": {name: _series(outcome.of_clean_seconds(), name) for name in TIMED_SERIES},
        },
        "conversations": [
            {"index": index, "messages": _pick(counts, "messages"), "deliveries": _pick(counts, "deliveries")}
            for index, counts in sorted(outcome.conversations.items())
        ],
        "history": asdict(outcome.history) if outcome.history.conversations else None,
        "canary": outcome.canary,
        "evidence": [_evidence(finding) for finding in outcome.findings],
    }


def _series(outcome: Outcome, name: str) -> dict[str, Any] | None:
    histogram = outcome.series(name)
    return histogram.summary() if histogram.count else None


def _evidence(finding: Finding) -> dict[str, Any]:
    """A finding without what is not known of it."""
    return {name: value for name, value in finding.to_dict().items() if value not in ("", -1)}


def _run(outcome: Outcome) -> dict[str, Any]:
    settings = outcome.settings
    return {
        "id": outcome.run_id,
        "started_at": outcome.started_at,
        "duration_s": outcome.duration_s,
        "profile": settings.profile,
        "contract": settings.contract,
        "host": settings.host,
        "model": settings.model,
        "users": outcome.users,
        "workers": outcome.workers,
        "seed": settings.seed,
        "versions": outcome.versions,
    }


def _pick(counts: Counts, section: str) -> dict[str, int]:
    return {name: getattr(counts, name) for name in figure_names(section)}


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
