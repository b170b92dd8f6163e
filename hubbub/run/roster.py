"""The workers that a run began with: one that goes before its last report is lost, and stays so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubbub.run.workers import Workers


class Roster:
    """`names` are those that were there at the beginning; who comes later takes no part."""

    def __init__(self, workers: Workers) -> None:
        self.names = workers.present()
        self.lost: list[str] = []
        self._workers = workers

    @property
    def is_distributed(self) -> bool:
        """Whether they are in other processes."""
        return self._workers.is_distributed

    def send(self, kind: str, values: dict[str, Any]) -> None:
        """Send all of them a message."""
        for worker in self.names:
            self.send_to(worker, kind, values)

    def send_to(self, worker: str, kind: str, values: dict[str, Any]) -> None:
        """Send one of them a message."""
        self._workers.send(worker, kind, values)

    def look(self, is_final: Callable[[str], bool]) -> bool:
        """Note who is gone without a final report; returns whether anyone is lost."""
        present = self._workers.present()
        for worker in self.names:
            if worker not in present and worker not in self.lost and not is_final(worker):
                self.lost.append(worker)
        return bool(self.lost)

    def missing(self, is_final: Callable[[str], bool]) -> list[str]:
        """Whose final report is still to come."""
        return [worker for worker in self.names if not is_final(worker) and worker not in self.lost]
