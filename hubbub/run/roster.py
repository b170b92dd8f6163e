"""The workers that a run began with, and whose reports count.

Who goes before the end of the run is lost, and stays so; who comes later takes no part.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from hubbub.errors import described
from hubbub.run.messages import PREPARE, Assignment, Report
from hubbub.run.workers import Workers
from hubbub.serialization import from_plain, to_plain

MAX_REJECTED_NAMES = 20
OTHERS = "others"

logger = logging.getLogger(__name__)


class Roster:
    """`names` are the workers that were there at the beginning. `lost` has those that went, and when, in words.

    `rejected` counts reports that were none of theirs, by the worker that they name.
    """

    def __init__(self, workers: Workers) -> None:
        self.names = workers.present()
        self.lost: dict[str, str] = {}
        self.rejected: Counter[str] = Counter()
        self._workers = workers
        self._tokens: dict[str, str] = {}

    @property
    def is_distributed(self) -> bool:
        """Whether they are in other processes."""
        return self._workers.is_distributed

    @property
    def present(self) -> list[str]:
        """Those that are not lost."""
        return [worker for worker in self.names if worker not in self.lost]

    @property
    def all_are_lost(self) -> bool:
        """Whether nobody is left to measure anything."""
        return not self.present

    # -- messages ----------------------------------------------------------------------------------------------------

    def prepare(self, assignment: Assignment) -> None:
        """Tell a worker what it is to do. From now on its reports count."""
        self._tokens[assignment.worker] = assignment.token
        self._workers.send(assignment.worker, PREPARE, to_plain(assignment))

    def send_to(self, worker: str, kind: str, values: dict[str, Any]) -> None:
        """Send one of them a message."""
        self._workers.send(worker, kind, values)

    def send(self, kind: str, values: dict[str, Any]) -> None:
        """Send all of them a message: one that seems lost may come back, and is to know when the run is over."""
        for worker in self.names:
            self.send_to(worker, kind, values)

    def read(self, values: Any) -> Report | None:
        """A report from plain values; None, and counted, where it is not one of a worker of this run."""
        try:
            report = from_plain(Report, values)
            if self._tokens.get(report.worker) == report.token:
                return report
            problem = "it is not from a worker of this run"
        except Exception as error:  # anyone who reaches the master's port can send anything
            problem = described(error)
        name = str(values.get("worker", "?"))[:80] if isinstance(values, dict) else "?"
        if name not in self.rejected:
            logger.warning("a report that names worker %r is not taken: %s", name, problem)
        self.rejected[name if name in self.rejected or len(self.rejected) < MAX_REJECTED_NAMES else OTHERS] += 1
        return None

    # -- who is there ------------------------------------------------------------------------------------------------

    def look(self, has_ended: Callable[[str], bool]) -> list[str]:
        """Who is gone now and was not before. At the end of a run, a worker may go after its final report."""
        there = self._workers.present()
        gone = [worker for worker in self.present if worker not in there and not has_ended(worker)]
        self.lost |= dict.fromkeys(gone, "")
        return gone

    def missing(self, has_ended: Callable[[str], bool]) -> list[str]:
        """Whose final report is still to come."""
        return [worker for worker in self.present if not has_ended(worker)]
