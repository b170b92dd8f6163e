"""What the proofs run: a backend on its core, a generator on the other, and what disturbs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.compare import GENERATOR_CORE, SERVER_CORE
from bench.limits import ROOT, Generator, minimal, serving

HERE = Path(__file__).resolve().parent
GROUPS = Path("/sys/fs/cgroup/cpu")

SMALL = ("--clients", "24", "--conversations", "4", "--message-interval", "200ms", "--duration", "6s")

Summary = dict[str, Any]


def percentiles(series: dict[str, Any], *names: str) -> dict[str, float | None]:
    return {name: series[name] for name in names}


def reasons(summary: Summary) -> list[str]:
    return [f"{reason['kind']}: {reason['text']}" for reason in summary["verdict"]["reasons"]]


def listener(origin: str) -> int:
    """The process that listens on an origin's port."""
    port = origin.rsplit(":", 1)[1]
    found = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return int(found.split("pid=")[1].split(",")[0])


TWIN: list[str] = []
"""What every backend is started with besides: `--faithful`, or nothing."""


@contextmanager
def backend(*options: str) -> Iterator[tuple[str, int]]:
    """The embedded backend on its core; yields its origin and process id."""
    with serving("backend", "--port", "0", "--max-conns-per-user", "100", *TWIN, *options) as origin:
        yield origin, listener(origin)


@contextmanager
def process(*command: str) -> Iterator[None]:
    """Another process and its children for a while; they are ended on leaving."""
    running = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def busy_loop(core: str) -> tuple[str, ...]:
    """The command of a process that wants all of a core."""
    return ("taskset", "-c", core, sys.executable, "-c", "while True: pass")


@contextmanager
def busy_loops() -> Iterator[None]:
    """One busy loop on each core."""
    with process(*busy_loop(GENERATOR_CORE)), process(*busy_loop(SERVER_CORE)):
        yield


def stop(pid: int, seconds: float) -> None:
    """Stop a process for a while."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


def small(*options: str, faults: Sequence[str] = (), stop_after_s: float = 0, stop_s: float = 0) -> Summary:
    """A short run against a backend with some faults; the generator may be stopped for a while."""
    with backend(*faults) as (origin, _), Generator("--host", origin, *SMALL, *options) as generator:
        if stop_s:
            generator.wait_for("clients are ready; sending")
            time.sleep(stop_after_s)
            stop(generator.pids[0], stop_s)
        return generator.summary()


def stalling(*options: str) -> Summary:
    """A short run whose event loop stalls. The launcher names the locustfile itself, so this is plain Locust."""
    file = HERE / "stalling.py"
    with backend() as (origin, _), Generator("--host", origin, *SMALL, *options, locustfile=file) as generator:
        return generator.summary()


def with_quota() -> Summary:
    """Half a core, where the load wants more."""
    group = GROUPS / f"hubbub-proof-{os.getpid()}"
    group.mkdir()
    try:
        (group / "cpu.cfs_period_us").write_text("100000")
        (group / "cpu.cfs_quota_us").write_text("50000")
        with serving("bench.server", "--port", "0") as origin:
            options = [*minimal(origin, 200, 4), "--duration", "6s", "--message-interval", "50ms"]
            (group / "cgroup.procs").write_text(str(os.getpid()))  # what we start is born where we are
            with Generator(*options, "--message-size", "100") as generator:
                (GROUPS / "cgroup.procs").write_text(str(os.getpid()))
                return generator.summary()
    finally:
        for _ in range(50):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def readme() -> Summary:
    """The README's first command, on no core in particular."""
    with Generator("--clients", "120", "--duration", "30s", core=None) as generator:
        return generator.summary()


def starved() -> Summary:
    """The embedded backend on a core that others want more."""
    with Generator(*SMALL, "--slo", "response.p95 < 50") as generator:
        pid = listener(generator.wait_for(r"embedded backend runs on (http://\S+)")[1])
        os.sched_setaffinity(pid, {int(SERVER_CORE)})
        generator.wait_for("clients are ready; sending")
        # a real-time process leaves the core to others for 5 % of the time (sched(7)), so deliveries take up to 1 s
        with process("chrt", "-f", "1", *busy_loop(SERVER_CORE)):
            return generator.summary()


def closed_windows() -> Summary:
    """Frames are still on their way when the generator is stopped, and more than every buffer holds."""
    faults = ("--fault", "delay=1:3s", "--settled-after", "0")
    options = ("--clients", "12", "--message-size", "10000", "--message-interval", "40ms", "--duration", "8s")
    slo = ("--slo", "response.p95 < 60000")
    with backend(*faults) as (origin, _), Generator("--host", origin, *options, *slo) as generator:
        generator.wait_for("clients are ready; sending")
        time.sleep(4)
        stop(generator.pids[0], 3)
        return generator.summary()
