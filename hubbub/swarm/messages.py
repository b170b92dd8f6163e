"""The messages between master and workers, and a worker's report.

All values are those of msgpack. Reports are cumulative and numbered, so that a lost one costs nothing: the newest
report of a worker says everything about it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubbub.report.measured import Measured

PREPARE = "hubbub_prepare"
"""Master to worker: a run begins; here are its settings, and your accounts and conversations."""

GO = "hubbub_go"
"""Master to worker: the sending window opens now, for so long."""

DRAIN = "hubbub_drain"
"""Master to worker: stop sending, wait for what is on its way, leave, close, and send a final report."""

REPORT = "hubbub_report"
"""Worker to master: once a second, and at last with `is_final`."""


@dataclass(kw_only=True)
class Report(Measured):
    """Everything one worker knows about a run, up to now; `findings` alone are those since the last report.

    `host` tells machines apart: two workers with the same one share a clock.
    """

    run: str
    worker: str
    host: str = ""
    sequence: int = 0
    ready: int = 0
    is_final: bool = False
    problem: str = ""
    history_problem: str = ""
