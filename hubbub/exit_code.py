"""What a run says to the program that started it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of a run; its first names are verdicts."""

    PASS = 0
    """Everything that was asked for was measured, and held. Also: a web UI that was told to end."""
    FAIL = 1
    """There is evidence of a fault."""
    IMPOSSIBLE = 2
    """The run could not be made: a bad option, no backend, nothing measured."""
    INCONCLUSIVE = 3
    """The run cannot tell, and says why."""
