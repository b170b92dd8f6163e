"""The workers of a run as its owner sees them, in this process or in others; and who spawns its clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from hubbub.run.inbox import Inbox


class Workers(Protocol):
    """One interface with two implementations: local ones here, those of other processes in `hubbub.bridge.workers`."""

    is_distributed: bool

    def present(self) -> list[str]:
        """The names of the workers that can take part, or still do."""

    def send(self, worker: str, kind: str, values: dict[str, Any]) -> None:
        """Send one of them a message, as plain values."""


class LocalWorkers:
    """Workers of this process, by name."""

    is_distributed = False

    def __init__(self, inboxes: dict[str, Inbox]) -> None:
        self._inboxes = inboxes

    def present(self) -> list[str]:
        """All of them: they end with this process."""
        return list(self._inboxes)

    def send(self, worker: str, kind: str, values: dict[str, Any]) -> None:
        """Hand one of them a message."""
        self._inboxes[worker].take(kind, values)


class Spawner(Protocol):
    """Who spawns the clients of a run, as the run sees it. Tells the run by `spawned` when all are there."""

    def asked(self) -> int:
        """How many clients are asked for now; a person or a shape may change that during a run."""

    def promise(self, seconds: float | None, folder: Path | None) -> None:
        """The run, with its results in a folder, is over in so many seconds; None until somebody stops it."""

    def finish(self, run_id: str) -> None:
        """The run of this id is over: stop the clients, and let the process end if it is for this run alone."""
