"""The workers that a run began with: one that goes before its last report was asked for is lost, and stays so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubbub.run.workers import Workers


class Roster:
    """`names` are those that were there at the beginning; who comes later takes no part.

    `lost` has those that went, and when, in words.
    """

    def __init__(self, workers: Workers) -> None:
        self.names = workers.present()
        self.lost: dict[str, str] = {}
        self._workers = workers

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

    def send(self, kind: str, values: dict[str, Any]) -> None:
        """Send all of them a message."""
        for worker in self.present:
            self.send_to(worker, kind, values)

    def send_to(self, worker: str, kind: str, values: dict[str, Any]) -> None:
        """Send one of them a message."""
        self._workers.send(worker, kind, values)

    def look(self, is_final: Callable[[str], bool], is_ending: bool = False) -> list[str]:
        """Who is gone now and was not before. At the end of a run, a worker may go after its final report."""
        there = self._workers.present()
        gone = [worker for worker in self.present if worker not in there and not (is_ending and is_final(worker))]
        self.lost |= dict.fromkeys(gone, "")
        return gone

    def missing(self, is_final: Callable[[str], bool]) -> list[str]:
        """Whose final report is still to come."""
        return [worker for worker in self.present if not is_final(worker)]
