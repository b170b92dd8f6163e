"""The canary's process, from the side that conducts the run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import gevent
from gevent.event import AsyncResult

from hubbub.canary.task import Task
from hubbub.suite import SUITE, environment_of_children

END_TIMEOUT_S = 8.0
"""It has only to close one connection and print; a busy machine may take some seconds for that."""


class Canary(Protocol):
    """What the owner of a run knows of the canary."""

    is_asked_for: bool

    @property
    def is_ready(self) -> bool:
        """Whether it has joined, or will never."""

    def finish(self) -> tuple[dict[str, Any] | None, str]:
        """Stop it; returns what it saw, or None and what went wrong."""

    def kill(self) -> None:
        """End it at once, whatever it does. Idempotent."""


class NoCanary:
    """A run without one."""

    is_asked_for = False
    is_ready = True

    def finish(self) -> tuple[dict[str, Any] | None, str]:
        """Nothing was seen, and nothing went wrong."""
        return None, ""

    def kill(self) -> None:
        """There is none."""


def start_canary(task: Task) -> Canary:
    """A canary in a process of its own."""
    return CanaryProcess(task)


class CanaryProcess:
    """A running `python -m hubbub.canary`. It ends when its standard input does."""

    is_asked_for = True

    def __init__(self, task: Task) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hubbub.canary"],
            cwd=SUITE,
            env=without_proxies(environment_of_children()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(task.to_json() + "\n")
        self._process.stdin.flush()
        self._lines = gevent.spawn(self._read)
        self._first: AsyncResult[dict[str, Any]] = AsyncResult()
        self._last: AsyncResult[dict[str, Any]] = AsyncResult()

    def _read(self) -> None:
        """It says that it is ready, and then what it saw. Locust has made the pipe one that greenlets can read."""
        assert self._process.stdout is not None
        for said in (self._first, self._last):
            said.set(_parse(self._process.stdout.readline()))

    @property
    def is_ready(self) -> bool:
        """Whether it has joined, or will never."""
        return bool(self._first.ready())

    def finish(self) -> tuple[dict[str, Any] | None, str]:
        """Stop it; returns what it saw, or None and what went wrong."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        first = self._first.get() if self.is_ready else {"problem": "it did not join in time"}
        last = {} if "problem" in first else self._wait_for_last()
        self.kill()
        problem = str(first.get("problem") or last.get("problem") or "")
        return (None, problem) if problem else (last, "")

    def kill(self) -> None:
        """End it at once. Idempotent."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _wait_for_last(self) -> dict[str, Any]:
        try:
            return dict(self._last.get(timeout=END_TIMEOUT_S))
        except gevent.Timeout:
            return {"problem": "it did not say what it saw"}


def without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment that names no proxy: websocket-client would use it unasked, and give it the ticket."""
    return {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}


def _parse(line: Any) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except (TypeError, ValueError):
        return {"problem": f"it said {str(line).strip()!r}"}
