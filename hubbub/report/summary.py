"""`summary.json`, schema 1: exact integer counts, milliseconds as floats, None for what was not measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from hubbub.exit_code import ExitCode
from hubbub.ledger import Finding
from hubbub.metrics.tally import Tally
from hubbub.report.figures import FIGURES, SERIES
from hubbub.report.outcome import Outcome
from hubbub.report.slo import Objective, Result
from hubbub.report.verdict import judge

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
            "exit_code": int(ExitCode[result]),
        },
        **{section: _section(outcome, section) for section in ("connections", "messages", "deliveries")},
        "latency_ms": {series.name: _series(outcome, series.name) for series in SERIES},
        "health": {
            **_section(outcome, "health"),
            "lost_workers": outcome.lost_workers,
            "clock_bound_us": outcome.clock_bound_us,
            "unclean": [{"seconds": us / 1e6, "cause": cause} for cause, us in outcome.health.causes()],
            "stall_ms": outcome.health.stall_us / 1e3 if outcome.health.seconds else None,
            "self_check": _self_check(outcome),
        },
        "slo": [result.to_dict() for _, result in held],
        "errors": _errors(outcome.tally),
        "generator": {
            "lost": counts.lost_unproven,
            "indefinite": counts.indefinite_unproven,
            "failed": outcome.tally.connections.failed_unproven,
            "dropped": outcome.tally.connections.dropped_unproven,
            "errors": outcome.tally.own_error_count,
        },
        "load": {"seconds": len(outcome.load.seconds), "deviating": outcome.load.deviating()},
        "conversations": [
            {"index": index, **{section: _section(of_one, section) for section in ("messages", "deliveries")}}
            for index, of_one in _of_conversations(outcome)
        ],
        "history": asdict(outcome.history) if outcome.history.conversations else None,
        "canary": _canary(outcome),
        "evidence": [_evidence(finding) for finding in outcome.findings],
    }


def _series(outcome: Outcome, name: str) -> dict[str, Any] | None:
    histogram = outcome.series(name)
    return histogram.summary() | {"low": outcome.low(name).summary()} if histogram.count else None


def _canary(outcome: Outcome) -> dict[str, Any] | None:
    """What the canary saw, and whether its percentiles lie between our two ends (None: a figure is missing)."""
    if outcome.canary is None:
        return None
    high, low = outcome.timings.delivery.summary(), outcome.low("delivery").summary()
    theirs = outcome.canary["delivery_ms"]
    within = {
        name: None if None in (low[name], theirs[name], high[name]) else low[name] <= theirs[name] <= high[name]
        for name in ("p50", "p99")
    }
    return {**outcome.canary, "within": within}


def _self_check(outcome: Outcome) -> str:
    """What Little's law finds wrong with our own figures. It needs all deliveries that were in flight to be timed."""
    counts, delivery = outcome.counts, outcome.timings.delivery
    is_timed = delivery.count == counts.expected and counts.planned == counts.confirmed
    return outcome.in_flight.disagreement(delivery, outcome.workers) if is_timed else ""


def _evidence(finding: Finding) -> dict[str, Any]:
    """A finding without what is not known of it."""
    return {name: value for name, value in asdict(finding).items() if value not in ("", -1)}


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


def _section(outcome: Outcome, section: str) -> dict[str, Any]:
    return {figure.name: figure.value(outcome) for figure in FIGURES if figure.section == section}


def _of_conversations(outcome: Outcome) -> Iterator[tuple[int, Outcome]]:
    """Each conversation by its index, as if it had been the whole run."""
    for index, counts in sorted(outcome.conversations.items()):
        yield index, replace(outcome, counts=counts)


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
