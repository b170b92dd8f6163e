"""The embedded backend as a child process: started on a free port, announced, and gone when its parent is."""

from __future__ import annotations

import re
import select
import subprocess
import sys

from hubbub.errors import RunError
from hubbub.suite import ROOT

READY = re.compile(r"ready on (http://\S+)")
START_TIMEOUT_S = 30.0
"""It takes a second; all workers may be starting at the same time."""


class EmbeddedBackend:
    """A running `python -m backend`. It stops when its standard input ends, which the end of this process does too."""

    def __init__(self, max_conns_per_user: int, max_connections: int) -> None:
        command = [sys.executable, "-m", "backend", "--port", "0", "--stop-with-stdin"]
        command += ["--max-conns-per-user", str(max_conns_per_user), "--max-connections", str(max_connections)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            self.origin = self._wait_until_ready()
        except BaseException:  # also where this process is told to leave while it waits
            self._process.kill()
            self._process.wait()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def _wait_until_ready(self) -> str:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], START_TIMEOUT_S)
        line = self._process.stdout.readline() if readable else ""
        found = READY.search(line)
        if not found:
            raise RunError(f"the embedded backend did not start; it said {line.strip()!r}.")
        return found[1]

    def stop(self) -> None:
        """Stop the backend and wait for its end."""
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
