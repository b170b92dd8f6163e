"""The journal of a run: one line of JSON for everything that is known, written when it is known and never changed."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubbub.errors import described
from hubbub.report import RunResult
from hubbub.run.messages import Report


class Journal:
    """Adds to journal.jsonl in a run's folder: every line is on its way to the disk before the next thing is done.

    A disk may fail: then `problem` says how, nothing more is written, and the run goes on.
    """

    def __init__(self, folder: Path) -> None:
        self.problem = ""
        self._file = (folder / "journal.jsonl").open("a", encoding="utf-8")
        self._unclean_written: dict[str, int] = {}

    def write(self, event: str, **values: Any) -> None:
        """One line."""
        if self.problem or self._file.closed:
            return
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event} | values
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            self.problem = f"journal.jsonl: {described(error)}"

    def begin(self, blank: RunResult, workers: list[str]) -> None:
        """What is known of a run before it begins, besides its configuration."""
        named = ("versions", "comes_and_goes", "chatting_share", "accounts")
        known = {name: getattr(blank, name) for name in named}
        host = blank.settings.hosts
        self.write("begin", run=blank.run_id, workers=workers, processes=blank.workers, host=host, **known)

    def take(self, report: Report) -> None:
        """A worker's report: its counts but those that are 0, and what is new of findings and unclean seconds."""
        worker = report.worker
        counts = {name: count for name, count in asdict(report.counts).items() if count}
        self.write("report", worker=worker, sequence=report.sequence, ready=report.ready, counts=counts)
        for finding in report.findings:
            self.write("finding", worker=worker, **asdict(finding))
        written = self._unclean_written.get(worker, 0)
        for began_us, ended_us, causes in report.health.unclean[written:]:
            self.write("unclean", worker=worker, began_us=began_us, ended_us=ended_us, causes=causes)
        self._unclean_written[worker] = len(report.health.unclean)

    def close(self) -> None:
        """Nothing more is written. Idempotent."""
        try:
            self._file.close()
        except OSError as error:
            self.problem = self.problem or f"journal.jsonl: {described(error)}"
