"""How many files this process may hold open: one for each connection, and some more."""

from __future__ import annotations

import resource

from hubbub.errors import RunError
from hubbub.transport.http import POOL_SIZE

SPARE_FILES = POOL_SIZE + 100
"""Open files that a worker needs beside its WebSockets."""


def check_open_files(clients: int) -> None:
    """Raise this process's limit of open files as far as it may; raises RunError when that is not enough."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if clients + SPARE_FILES > hard:
        raise RunError(
            f"{clients} clients on one worker need {clients + SPARE_FILES} open files, and the limit is {hard}: "
            "raise it (ulimit -n) or use more workers."
        )
