"""A process that was started by `python -m hubbub` ends with it, however that one ends, and tells it of its run."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path

from hubbub.exit_code import ExitCode
from hubbub.suite import LAUNCHER_PID, LAUNCHER_PIPE

PR_SET_PDEATHSIG = 1
"""Linux, prctl(2): the signal that this process gets when its parent dies."""


def die_with_launcher() -> None:
    """Ask the kernel for SIGTERM when the launcher dies; nothing when there is no launcher, or no Linux."""
    launcher = os.environ.get(LAUNCHER_PID)
    if not launcher or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(launcher):
        raise SystemExit(ExitCode.IMPOSSIBLE)  # the launcher died before we asked


class Launcher:
    """The launcher, if there is one: it holds this process to what it is told."""

    def __init__(self) -> None:
        told = os.environ.pop(LAUNCHER_PIPE, "")
        self._pipe = int(told) if told else None
        if self._pipe is not None:
            os.set_inheritable(self._pipe, False)

    def tell(self, seconds: float | None, folder: Path | None, code: int | None) -> None:
        """The run in `folder` is over in so many seconds, None where nobody knows; and the exit code of its verdict."""
        if self._pipe is None:
            return
        by_s = None if seconds is None else time.monotonic() + seconds
        line = json.dumps({"by_s": by_s, "folder": None if folder is None else str(folder), "code": code})
        try:
            os.write(self._pipe, line.encode() + b"\n")
        except OSError:
            self._pipe = None  # it is gone, and this process will hear of it


def leave_quietly() -> None:
    """This process is about to end by itself: a signal must not become its exit code, or a traceback in the log."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
