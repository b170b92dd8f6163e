"""A process that was started by `python -m hubbub` ends with it, however that one ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from hubbub.exit_code import ExitCode
from hubbub.suite import LAUNCHER_PID

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
