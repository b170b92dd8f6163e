"""The messages between master and workers, and a worker's report.

All values are those of msgpack. Reports are cumulative and numbered, so that a lost one costs nothing: the newest
report of a worker says everything about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hubbub.ledger import Counts, Timings
from hubbub.metrics.histogram import Histogram
from hubbub.metrics.tally import Tally

PREPARE = "hubbub_prepare"
"""Master to worker: a run begins; here are its settings, and your accounts and conversations."""

GO = "hubbub_go"
"""Master to worker: the sending window opens now, for so long."""

DRAIN = "hubbub_drain"
"""Master to worker: stop sending, wait for what is on its way, leave, close, and send a final report."""

REPORT = "hubbub_report"
"""Worker to master: once a second, and at last with `is_final`."""


@dataclass
class Report:
    """Everything one worker knows about a run, up to now."""

    run: str
    worker: str
    sequence: int = 0
    users: int = 0
    ready: int = 0
    backlog: int = 0
    is_final: bool = False
    problem: str = ""
    history_problem: str = ""
    counts: Counts = field(default_factory=Counts)
    timings: Timings = field(default_factory=Timings)
    tally: Tally = field(default_factory=Tally)

    _PLAIN = ("run", "worker", "sequence", "users", "ready", "backlog", "is_final", "problem", "history_problem")

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = {name: getattr(self, name) for name in self._PLAIN}
        values["counts"] = self.counts.to_dict()
        values["timings"] = {name: getattr(self.timings, name).to_dict() for name in Timings.__slots__}
        values["tally"] = self.tally.to_dict()
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Report:
        report = cls(**{name: values[name] for name in cls._PLAIN})
        report.counts = Counts.from_dict(values["counts"])
        for name, histogram in values["timings"].items():
            setattr(report.timings, name, Histogram.from_dict(histogram))
        report.tally = Tally.from_dict(values["tally"])
        return report
