"""The newest report of each worker, on the disk: from it and the journal a run that was killed can still be judged.

The journal keeps how it came about and stays small; a report is large, and only the newest one counts. So each worker
has one file, which is replaced as a whole.
"""

from __future__ import annotations

import json
from pathlib import Path

from hubbub.errors import RunError, described
from hubbub.run.messages import Report
from hubbub.serialization import from_plain, to_plain

NAME = "checkpoint-{}.json"


class Checkpoint:
    """Keeps the newest reports in a run's folder until `remove`. `problem` says why it can't."""

    def __init__(self, folder: Path) -> None:
        self.problem = ""
        self._folder = folder
        self._numbers: dict[str, int] = {}

    def take(self, report: Report) -> None:
        """A worker's report."""
        number = self._numbers.setdefault(report.worker, len(self._numbers))
        path = self._folder / NAME.format(number)
        temporary = path.with_name(f".{path.name}")
        try:
            temporary.write_text(json.dumps(to_plain(report), separators=(",", ":")), encoding="utf-8")
            temporary.rename(path)
        except OSError as error:
            self.problem = self.problem or f"{path.name}: {described(error)}"

    def remove(self) -> None:
        """The summary says it all."""
        for number in self._numbers.values():
            name = NAME.format(number)
            for path in (self._folder / name, self._folder / f".{name}"):
                path.unlink(missing_ok=True)


def read_checkpoints(folder: Path) -> list[Report]:
    """The newest report of each worker. Raises RunError for a file that is none."""
    reports = []
    for path in sorted(folder.glob(NAME.format("*"))):
        try:
            reports.append(from_plain(Report, json.loads(path.read_text(encoding="utf-8"))))
        except Exception as error:
            raise RunError(f"{path.name} is no report of a worker ({described(error)}).") from error
    return reports
