"""`summary.json`, schema 1: exact integer counts, milliseconds as floats, None for what was not measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hubbub.errors import ConfigError
from hubbub.exit_code import ExitCode
from hubbub.ledger import Finding
from hubbub.ledger.history import History
from hubbub.metrics.phase_stats import PhaseStats
from hubbub.report.figures import FIGURES, SERIES
from hubbub.report.run_result import RunResult
from hubbub.report.slo import Objective, Result
from hubbub.report.verdict import judge

SCHEMA = 1
SECTIONS = ("clients", "connections", "messages", "deliveries", "typing", "presence")


def build_summary(run_result: RunResult, slo_results: list[tuple[Objective, Result]]) -> dict[str, Any]:
    """The summary as plain values, in the schema's order. `slo_results` has each objective with its result."""
    counts = run_result.counts
    result, reasons = judge(run_result, slo_results)
    return {
        "schema": SCHEMA,
        "run": _run(run_result),
        "verdict": {
            "result": result,
            "reasons": [asdict(reason) for reason in reasons],
            "exit_code": int(ExitCode[result]),
        },
        **{section: _section(run_result, section) for section in SECTIONS},
        "latency_ms": {series.name: _series(run_result, series.name) for series in SERIES},
        "health": {
            **_section(run_result, "health"),
            "lost_workers": list(run_result.lost_workers),
            "rejected_reports": run_result.rejected_reports,
            "clock_bound_us": run_result.clock_bound_us,
            "unclean": [{"seconds": us / 1e6, "cause": cause} for cause, us in run_result.health.causes()],
            "stall_ms": run_result.health.stall_us / 1e3 if run_result.health.seconds else None,
            "self_check": _self_check(run_result),
        },
        "slo": [result.to_dict() for _, result in slo_results],
        "errors": _errors(run_result.phase_stats),
        "addresses": dict(sorted(run_result.addresses.items())),
        "refusals": run_result.refusals.counts,
        "frames": {name: asdict(each) for name, each in sorted(run_result.frame_types.types.items())},
        "generator": {
            "lost": counts.lost_unproven,
            "indefinite": counts.indefinite_unproven,
            "failed": run_result.phase_stats.connections.failed_unproven,
            "dropped": run_result.phase_stats.connections.dropped_unproven,
            "errors": run_result.phase_stats.own_error_count,
        },
        "load": {"seconds": len(run_result.load.seconds), "deviating": run_result.load.deviating()},
        "conversations": [
            {"index": index, **{section: _section(of_one, section) for section in ("messages", "deliveries")}}
            for index, of_one in _of_conversations(run_result)
        ],
        "history": asdict(run_result.history) if run_result.history != History() else None,
        "canary": _canary(run_result),
        "evidence": [_evidence(finding) for finding in run_result.findings],
    }


def read_summary(run_dir: str | Path) -> dict[str, Any]:
    """The figures of a run from its folder, as docs/accounting.md defines them.

    Counts are integers, times milliseconds, None what was not measured. Raises ConfigError where there is no summary,
    or one of another schema.
    """
    path = Path(run_dir) / "summary.json"
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} must be the summary of a run, and cannot be read: {error}.") from error
    schema = summary.get("schema") if isinstance(summary, dict) else None
    if schema != SCHEMA:
        raise ConfigError(f"{path} must have schema {SCHEMA}, and has {schema!r}.")
    return summary


def _series(run_result: RunResult, name: str) -> dict[str, Any] | None:
    histogram = run_result.series(name)
    return histogram.summary() | {"low": run_result.low(name).summary()} if histogram.count else None


def _canary(run_result: RunResult) -> dict[str, Any] | None:
    """What the canary saw, and whether its percentiles lie between our two ends (None: a figure is missing)."""
    if run_result.canary is None:
        return None
    high, low = run_result.timings.delivery.summary(), run_result.low("delivery").summary()
    theirs = run_result.canary["delivery_ms"]
    within = {
        name: None if None in (low[name], theirs[name], high[name]) else low[name] <= theirs[name] <= high[name]
        for name in ("p50", "p99")
    }
    return {**run_result.canary, "within": within}


def _self_check(run_result: RunResult) -> str:
    """What Little's law finds wrong with our own figures. It needs all deliveries that were in flight to be timed."""
    counts, delivery = run_result.counts, run_result.timings.delivery
    is_timed = delivery.count == counts.expected and counts.planned == counts.confirmed
    burst = counts.expected / max(1, counts.confirmed)
    return run_result.in_flight.disagreement(delivery, run_result.workers, burst) if is_timed else ""


def _evidence(finding: Finding) -> dict[str, Any]:
    """A finding without what is not known of it."""
    return {name: value for name, value in asdict(finding).items() if value not in ("", -1)}


def _run(run_result: RunResult) -> dict[str, Any]:
    settings = run_result.settings
    return {
        "id": run_result.run_id,
        "started_at": run_result.started_at,
        "duration_s": run_result.duration_s,
        "profile": settings.profile,
        "contract": settings.contract,
        "host": settings.hosts,
        "model": settings.model,
        "users": run_result.users,
        "workers": run_result.workers,
        "conversations": settings.conversations,
        "accounts": run_result.accounts,
        "clients_per_conversation": -(-settings.clients // settings.conversations),
        "seed": settings.seed,
        "versions": run_result.versions,
    }


def _section(run_result: RunResult, section: str) -> dict[str, Any]:
    return {figure.name: figure.value(run_result) for figure in FIGURES if figure.section == section}


def _of_conversations(run_result: RunResult) -> Iterator[tuple[int, RunResult]]:
    """Each conversation by its index, as if it had been the whole run."""
    for index, counts in sorted(run_result.conversations.items()):
        yield index, replace(run_result, counts=counts)


def _errors(phase_stats: PhaseStats) -> list[dict[str, Any]]:
    return [
        {
            "class": kind,
            "owner": error.failure.owner.value,
            "phase": error.failure.phase or None,
            "errno": error.failure.errno or None,
            "status": error.failure.status,
            "close_code": error.failure.close_code,
            "closed_by": error.failure.closed_by or None,
            "count": error.count,
            "first_at": round(error.first_us / 1e6, 3),
            "last_at": round(error.last_us / 1e6, 3),
            "sample": error.sample,
        }
        for kind, error in sorted(phase_stats.errors.items(), key=lambda item: (-item[1].count, item[0]))
    ]
