"""The messages between master and workers, and a worker's report.

All values are those of msgpack. Reports are cumulative and numbered, so that a lost one costs nothing: the newest
report of a worker says everything about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hubbub.health import Health
from hubbub.ledger import Counts, Finding, Timings
from hubbub.ledger.history import History
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
    """Everything one worker knows about a run, up to now; `findings` alone are those since the last report.

    `host` tells machines apart: two workers with the same one share a clock.
    """

    run: str
    worker: str
    sequence: int = 0
    users: int = 0
    ready: int = 0
    backlog: int = 0
    is_final: bool = False
    problem: str = ""
    history_problem: str = ""
    host: str = ""
    counts: Counts = field(default_factory=Counts)
    timings: Timings = field(default_factory=Timings)
    clean: Timings = field(default_factory=Timings)
    tally: Tally = field(default_factory=Tally)
    health: Health = field(default_factory=Health)
    history: History = field(default_factory=History)
    findings: list[Finding] = field(default_factory=list)

    _PLAIN = (
        "run",
        "worker",
        "sequence",
        "users",
        "ready",
        "backlog",
        "is_final",
        "problem",
        "history_problem",
        "host",
    )

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = {name: getattr(self, name) for name in self._PLAIN}
        values["counts"] = self.counts.to_dict()
        values["timings"], values["clean"] = _to_dict(self.timings), _to_dict(self.clean)
        values["tally"], values["health"] = self.tally.to_dict(), self.health.to_dict()
        values["history"] = asdict(self.history)
        values["findings"] = [finding.to_dict() for finding in self.findings]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Report:
        report = cls(**{name: values[name] for name in cls._PLAIN})
        report.counts = Counts.from_dict(values["counts"])
        report.timings, report.clean = _from_dict(values["timings"]), _from_dict(values["clean"])
        report.tally, report.health = Tally.from_dict(values["tally"]), Health.from_dict(values["health"])
        report.history = History(**values["history"])
        report.findings = [Finding.from_dict(finding) for finding in values["findings"]]
        return report


def _to_dict(timings: Timings) -> dict[str, Any]:
    return {name: getattr(timings, name).to_dict() for name in Timings.__slots__}


def _from_dict(values: Mapping[str, Any]) -> Timings:
    timings = Timings()
    for name, histogram in values.items():
        setattr(timings, name, Histogram.from_dict(histogram))
    return timings
