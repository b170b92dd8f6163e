"""The messages between the owner of a run and its workers, and a worker's report.

All values are those of msgpack. Reports are cumulative and numbered, so that a lost one costs nothing: the newest
report of a worker says everything about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubbub.client.accounts import Account
from hubbub.client.payloads import Payloads
from hubbub.options import Settings
from hubbub.report.measurements import Measurements
from hubbub.run.provisioning import Provision

PREPARE = "hubbub_prepare"
"""To a worker: a run begins; an `Assignment` follows."""

EXTEND = "hubbub_extend"
"""To a worker: more clients are asked for, and here are their accounts; an `Extension` follows."""

GO = "hubbub_go"
"""To a worker: the sending window opens now; `Go` follows."""

DRAIN = "hubbub_drain"
"""To a worker: stop sending, wait for what is on its way, leave, close, send a final report; `Drain` follows."""

REPORT = "hubbub_report"
"""From a worker: once a second, and at last with `is_final`; a `Report` follows."""

TO_WORKER = (PREPARE, EXTEND, GO, DRAIN)


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What one worker is to do in a run. `ordinal` is its place among the `workers`, from 0.

    `user_ids` are the backend's ids of all accounts of the run, also of other workers. `tolerances_us` see
    metrics/low_ends.py. `clock_domain` is that of the run's owner. Reports show `token`, which nobody else knows.
    """

    run: str
    run_number: int
    worker: str
    token: str
    ordinal: int
    workers: int
    clients: int
    settings: Settings
    payloads: Payloads
    user_ids: list[str | int]
    tolerances_us: list[int]
    clock_domain: str
    provision: Provision


@dataclass(frozen=True, kw_only=True)
class Extension:
    """More accounts of one worker, and the backend's ids of all new accounts of the run."""

    run: str
    shared: list[Account]
    own: list[Account]
    user_ids: list[str | int]


@dataclass(frozen=True, kw_only=True)
class Go:
    """The window is `window_us` long, None until the run is stopped. `start_together`: all plans begin with it."""

    run: str
    window_us: int | None
    start_together: bool


@dataclass(frozen=True, kw_only=True)
class Drain:
    """`is_hurried`: do not wait for what is on its way. `is_impatient`: read no history any more."""

    run: str
    is_hurried: bool
    is_impatient: bool = False


@dataclass(kw_only=True)
class Report(Measurements):
    """Everything one worker knows about a run, up to now; `findings` alone are those since the last report.

    `host` tells machines apart: two workers with the same one share a clock. `token` is that of the assignment.
    `is_leaving`: the worker's process is told to stop, before the run is over.
    """

    run: str
    worker: str
    token: str
    host: str = ""
    sequence: int = 0
    ready: int = 0
    is_final: bool = False
    is_leaving: bool = False
    problem: str = ""
    history_problem: str = ""
    failure: str = ""


def is_of_another_run(values: Any, run: str) -> bool:
    """Whether plain values are a report of an earlier run, which is late and no fault."""
    return isinstance(values, dict) and isinstance(values.get("run"), str) and values["run"] != run
