"""The workers of a run as its owner sees them: in this process, or in others."""

from __future__ import annotations

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
