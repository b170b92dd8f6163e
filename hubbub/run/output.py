"""Where a run's reports go besides its summary. The bridge has one that shows them in Locust's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from hubbub.run.messages import Report


class Taker(Protocol):
    """Something that is told of every report."""

    def take(self, report: Report) -> None:
        """A worker's newest report; its counts and times are cumulative, its findings are new."""


class Output(Taker, Protocol):
    """One more place for the figures of a run."""

    def begin(self, folder: Path) -> None:
        """A run begins, whose files lie in `folder`."""

    def end(self) -> None:
        """The run is judged: write what is left."""
