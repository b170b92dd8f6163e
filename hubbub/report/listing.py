"""Past runs, a line each, from the summaries in their folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubbub.errors import ConfigError
from hubbub.report.plain import plain
from hubbub.report.summary import read_summary

UNKNOWN = "-"
HEAD = ("begun", "verdict", "profile", "clients", "deliveries", "lost", "p95 ms", "folder")
MOST_LETTERS = 40


def list_runs(folder: Path) -> str:
    """The runs in a folder, oldest first, with their verdicts. Raises ConfigError where there is no such folder."""
    if not folder.is_dir():
        raise ConfigError(f"runs needs a folder with runs in it, and there is no {folder}.")
    rows = [_row(path) for path in sorted(folder.iterdir()) if (path / "journal.jsonl").exists()]
    if not rows:
        return f"there are no runs in {folder}"
    rows.sort(key=lambda row: (row[0], row[-1]))
    widths = [max(len(row[at]) for row in (HEAD, *rows)) for at in range(len(HEAD))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in (HEAD, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def _row(path: Path) -> tuple[str, ...]:
    try:
        return _cells(read_summary(path), path)
    except (ConfigError, KeyError, TypeError, ValueError):
        return (UNKNOWN, "no verdict", *[UNKNOWN] * 5, _name(path))


def _cells(summary: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    run, deliveries, response = summary["run"], summary["deliveries"], summary["latency_ms"]["response"]
    p95 = response["p95"] if response is not None else None
    return (
        _text(str(run["started_at"])[:19].replace("T", " ")),
        _text(summary["verdict"]["result"]),
        _text(run["profile"] or "default"),
        str(int(summary["clients"]["asked"])),
        str(int(deliveries["delivered"])),
        str(int(deliveries["lost"])),
        UNKNOWN if p95 is None else f"{p95:.1f}",
        _name(path),
    )


def _text(value: Any) -> str:
    return plain(str(value), MOST_LETTERS)


def _name(path: Path) -> str:
    return plain(path.name, MOST_LETTERS)
