"""Reads once a second how this process fares: what its event loop, the garbage collector and the kernel say."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

from hubbub.clock import Clock
from hubbub.health.judge import Second
from hubbub.health.loop import LoopWatch
from hubbub.metrics.histogram import Histogram

MIN_SENDS = 10
"""With fewer sends in a second, the p99 of their lag would be one accident."""

PROC = Path("/proc/self")
CGROUPS = Path("/sys/fs/cgroup")


class Machine:
    """What the kernel says of this process."""

    def __init__(self) -> None:
        self._cpu_stats = cpu_stats()

    def read(self) -> dict[str, int | None]:
        """CPU time and wait for a core in microseconds, and how often the process was throttled; growing."""
        return {
            "cpu": time.process_time_ns() // 1_000,
            "run_queue": run_queue_us(),
            "throttled": times_throttled(self._cpu_stats),
        }


class Sampler:
    """Samples from `start` to `stop`. The lateness of the event loop meanwhile goes into `loop_lag`."""

    def __init__(self, clock: Clock, loop: LoopWatch, loop_lag: Histogram, machine: Machine | None = None) -> None:
        self._clock = clock
        self._machine = machine or Machine()
        self._loop = loop
        self._loop_lag = loop_lag
        self._gc_began_us = 0
        self._worst_gc_us = 0
        self._last = self._read()

    def start(self) -> None:
        """Begin to sample: the first second begins now."""
        self._loop.take_worst_us()
        self._loop.lag = self._loop_lag
        self._last = self._read()
        gc.callbacks.append(self._on_gc)

    def stop(self) -> None:
        """Stop sampling. Idempotent."""
        if self._loop.lag is not None:
            self._loop.lag = None
            gc.callbacks.remove(self._on_gc)

    def close_second(self, send_lag: Histogram, response: Histogram, dropped: int) -> Second:
        """What was sampled since the last call; the histograms are those of the same time."""
        before, now = self._last, self._read()
        self._last = now
        lag = send_lag.quantile_us(0.99) if send_lag.count >= MIN_SENDS else None
        middle = response.quantile_us(0.5)
        second = Second(
            began_us=before["clock"],
            ended_us=now["clock"],
            cpu_us=now["cpu"] - before["cpu"],
            loop_lag_us=self._loop.take_worst_us(),
            gc_pause_us=self._worst_gc_us,
            run_queue_us=_difference(now["run_queue"], before["run_queue"]),
            throttled=_difference(now["throttled"], before["throttled"]),
            send_lag_p99_us=lag[0] if lag else None,
            response_p50_us=middle[0] if middle else None,
            dropped=dropped,
        )
        self._worst_gc_us = 0
        return second

    def _read(self) -> dict[str, Any]:
        return {"clock": self._clock(), **self._machine.read()}

    def _on_gc(self, phase: str, _info: Any) -> None:
        now_us = self._clock()
        if phase == "start":
            self._gc_began_us = now_us
        else:
            self._worst_gc_us = max(self._worst_gc_us, now_us - self._gc_began_us)


def _difference(now: int | None, before: int | None) -> int | None:
    return None if now is None or before is None else now - before


def run_queue_us() -> int | None:
    """How long this process's main thread has waited for a core while it could run (proc(5), schedstat)."""
    try:
        return int((PROC / "schedstat").read_text().split()[1]) // 1_000
    except (OSError, ValueError, IndexError):
        return None


def cpu_stats() -> list[Path]:
    """The cpu.stat files of this process's control group and those above it, version 2 or 1 (cgroups(7))."""
    try:
        lines = (PROC / "cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = CGROUPS / (controllers or "unified")
        if not controllers and not root.is_dir():
            root = CGROUPS
        group = root / name.lstrip("/")
        found += [folder / "cpu.stat" for folder in (group, *group.parents) if folder == root or root in folder.parents]
    return [path for path in found if path.is_file()]


def times_throttled(files: list[Path]) -> int | None:
    """How often the kernel has stopped this process because its control group had used its quota up."""
    counts = []
    for path in files:
        try:
            lines = path.read_text().splitlines()
            counts += [int(line.split()[1]) for line in lines if line.startswith("nr_throttled")]
        except (OSError, ValueError):
            continue
    return sum(counts) if counts else None
