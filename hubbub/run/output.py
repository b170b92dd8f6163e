"""Where a run's reports go besides its summary. The bridge has one that shows them in Locust's tables."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hubbub.errors import described
from hubbub.run.messages import Report

logger = logging.getLogger(__name__)


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


class GuardedOutput:
    """An output that may fail, and the run goes on: `problem` says what went wrong. It is not asked again then."""

    def __init__(self, output: Output) -> None:
        self.problem = ""
        self._output = output
        self._has_begun = False

    def begin(self, folder: Path) -> None:
        self._has_begun = True
        self._try(lambda: self._output.begin(folder))

    def take(self, report: Report) -> None:
        self._try(lambda: self._output.take(report))

    def end(self) -> None:
        if self._has_begun:
            self._has_begun = False
            self._try(self._output.end)

    def _try(self, call: Callable[[], None]) -> None:
        if self.problem:
            return
        try:
            call()
        except Exception as error:
            logger.debug("an output failed", exc_info=True)
            self.problem = described(error)
