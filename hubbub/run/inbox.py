"""Where a worker's messages arrive: each run has a fresh `Worker`, which clients find here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gevent.event import Event

from hubbub.client.context import OnPhase
from hubbub.clock import US_PER_SECOND
from hubbub.errors import described
from hubbub.run.deadlines import drain_s
from hubbub.run.messages import DRAIN, EXTEND, GO, PREPARE, Assignment, Drain, Extension, Go, Report
from hubbub.run.worker import Worker
from hubbub.run.world import World
from hubbub.serialization import from_plain, to_plain


class Inbox:
    """`send` takes a report as plain values. `worker` is there once `prepared` is set."""

    def __init__(self, world: World, send: Callable[[dict[str, Any]], None], on_phase: OnPhase) -> None:
        self.worker: Worker | None = None
        self.prepared = Event()
        self._world = world
        self._send = send
        self._on_phase = on_phase

    def take(self, kind: str, values: dict[str, Any]) -> None:
        """A message from the owner of a run, as plain values."""
        if kind == PREPARE:
            self._prepare(values)
        elif self.worker is None or self.worker.assignment.run != values["run"]:
            return
        elif kind == EXTEND:
            self.worker.extend(from_plain(Extension, values))
        elif kind == GO:
            go = from_plain(Go, values)
            self.worker.go(go.window_us, go.start_together)
        elif kind == DRAIN:
            drain = from_plain(Drain, values)
            self.worker.drain(drain.is_hurried, is_impatient=drain.is_impatient)

    def _prepare(self, values: dict[str, Any]) -> None:
        """Make the worker of a run. Whatever goes wrong, the owner hears of it instead of waiting."""
        self.prepared.clear()
        if self.worker is not None:
            self.worker.abandon()
            self.worker = None
        try:
            self.worker = Worker(from_plain(Assignment, values), self._world, self._report, self._on_phase)
        except Exception as error:
            who = {name: values[name] for name in ("run", "worker", "token")}
            self._report(Report(**who, problem=described(error), sequence=1, is_final=True))
            return
        self.prepared.set()

    def _report(self, report: Report) -> None:
        self._send(to_plain(report))

    @property
    def patience_s(self) -> float | None:
        """How long the owner of the run may be silent before it is taken for dead; None between runs."""
        if self.worker is None or self.worker.ended.is_set():
            return None
        return self.worker.assignment.settings.master_timeout_us / US_PER_SECOND

    def end(self) -> None:
        """This worker's process is told to stop: end its part; blocks until the final report is sent, or too late."""
        if self.worker is not None:
            self.worker.drain(is_hurried=False, is_leaving=True)
            self._world.scheduler.wait(self.worker.ended, drain_s(self.worker.assignment.settings))

    def give_up(self) -> None:
        """Nobody hears of this worker any more: send nothing, and wait for nothing."""
        if self.worker is not None:
            self.worker.drain(is_hurried=True, is_leaving=True)
