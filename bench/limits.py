"""The limits of one generator: how much it can take in, and what a user costs it.

    python -m bench.limits [--runs 3] [--only throughput,memory,joining,connections]

- throughput: the most deliveries a second on one core with a send lag p99 under 10 ms, found by going up in steps;
- memory: resident memory per connected, joined, chatting user, above that of the same process with one user;
- joining: CPU per user for three HTTP requests (login, conversation, ticket), connect and join, one account each;
- connections: 16,000 in one process and 40,000 in three, from several source addresses, and how many of them failed.

The generator is pinned to one core and the server to the other, except for `connections`. Hubbub runs as its users run
it. All runs and their medians go to bench/results.json.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.compare import GENERATOR_CORE, SERVER_CORE, cpu_seconds, family, keep

ROOT = Path(__file__).resolve().parent.parent
LAG_LIMIT_MS = 10.0
RATES = tuple(range(110_000, 240_001, 10_000))
PATIENCE_S = 300.0
USERS, JOINERS = 4_000, 1_000
SOURCES = "127.0.0.2-127.0.0.9"


@contextmanager
def serving(*command: str, core: str | None = SERVER_CORE) -> Iterator[str]:
    """A server for a while; yields its origin."""
    pinned = ["taskset", "-c", core] if core else []
    process = subprocess.Popen(
        [*pinned, sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().rsplit(" ", 1)[-1].strip()
    finally:
        process.terminate()
        process.wait()


def latest(options: Sequence[str]) -> list[str]:
    """Options of which a later one takes the place of an earlier one: a run takes each once."""
    found: dict[str, list[str]] = {}
    flag = ""
    for option in options:
        if option.startswith("--"):
            flag = option
            found[flag] = []
        else:
            found[flag].append(option)
    return [part for name, values in found.items() for part in (name, *values)]


class Generator:
    """A run of Hubbub, with its output in a file. Use as a context; on leaving it, the run is over.

    `options` are those of perf-ws; with a `locustfile` of its own the run is made by plain Locust.
    """

    def __init__(
        self,
        *options: str,
        core: str | None = GENERATOR_CORE,
        locustfile: Path | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._patience_s = patience_s
        self._folder = tempfile.TemporaryDirectory()
        self.run_dir = Path(self._folder.name) / "run"
        self._log = Path(self._folder.name) / "log"
        pinned = ["taskset", "-c", core] if core else []
        program = ["hubbub", "perf-ws"]
        if locustfile is not None:
            program = ["locust", "--headless", "--only-summary", "-f", str(locustfile)]
            options = tuple("--users" if option == "--clients" else option for option in options)
        command = [*pinned, sys.executable, "-m", *program, "--run-dir", str(self.run_dir), *latest(options)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)

    @property
    def text(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def pids(self) -> list[int]:
        """The Locust processes."""
        return family(self._process.pid)[1:]

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until the output matches. Raises RuntimeError when the run ends or the time is over before."""
        deadline_s = time.monotonic() + self._patience_s
        while not (found := re.search(pattern, self.text)):
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"no {pattern!r} in:\n{self.text[-2000:]}")
            time.sleep(0.02)
        return found

    def summary(self) -> dict[str, Any]:
        """The run's summary.json; waits for the end of the run."""
        self._process.wait(self._patience_s)
        path = self.run_dir / "summary.json"
        if not path.exists():
            raise RuntimeError(f"no summary:\n{self.text[-2000:]}")
        return dict(json.loads(path.read_text()))

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._folder.cleanup()


def minimal(origin: str, clients: int, conversations: int, spawn_rate: int = 100) -> list[str]:
    """Options for a run against bench.server."""
    return [
        "--host", origin, "--contract", "minimal", "--clients", str(clients), "--spawn-rate", str(spawn_rate),
        "--conversations", str(conversations), "--max-conns-per-user", "50",
    ]  # fmt: skip


def at_rate(rate: int) -> tuple[float, float | None, bool]:
    """What was delivered a second, the send lag p99 in milliseconds, and whether nothing was lost or unsent."""
    interval_ms = 200 * 49 / rate * 1000
    with serving("bench.server", "--port", "0") as origin:
        options = [*minimal(origin, 200, 4), "--duration", "8s", "--message-interval", f"{interval_ms:.3f}ms"]
        with Generator(*options, "--message-size", "100", "--warmup", "2s") as generator:
            summary = generator.summary()
    lag_ms = summary["latency_ms"]["send_lag"]["p99"]
    reached = summary["deliveries"]["delivered"] / 8
    print(f"  {rate:,}/s: {reached:,.0f}/s delivered, send lag p99 {lag_ms} ms", flush=True)
    return reached, lag_ms, not summary["deliveries"]["lost"] and not summary["messages"]["unsent"]


def throughput() -> dict[str, Any]:
    """The most deliveries a second with a send lag p99 under the limit, nothing lost and nothing unsent.

    A step that fails is tried once more: a busy neighbour on the machine is not the generator's limit.
    """
    best: dict[str, Any] = {"deliveries_per_s": 0, "send_lag_p99_ms": None}
    for rate in RATES:
        for _ in range(2):
            reached, lag_ms, is_whole = at_rate(rate)
            if lag_ms is not None and lag_ms < LAG_LIMIT_MS and is_whole and reached >= 0.98 * rate:
                best = {"deliveries_per_s": round(reached), "send_lag_p99_ms": lag_ms}
                break
        else:
            break
    return best


def resident_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", text)
    assert found
    return int(found[1])


def memory() -> dict[str, Any]:
    """Resident memory per user: with many users and with one, a while after sending began (which collects garbage)."""

    def measured(clients: int, conversations: int) -> int:
        with serving("bench.server", "--port", "0") as origin:
            options = [*minimal(origin, clients, conversations, 200), "--duration", "5m", "--message-interval", "20s"]
            with Generator(*options, "--ready-timeout", "60s") as generator:
                ready = int(generator.wait_for(r"(\d+) clients are ready; sending")[1])
                assert ready == clients, f"only {ready} of {clients} are ready"
                time.sleep(10)
                return resident_kib(generator.pids[0])

    alone, together = measured(1, 1), measured(USERS, USERS // 50)
    return {"users": USERS, "idle_kib": alone, "kib_per_user": round((together - alone) / (USERS - 1), 2)}


def joining() -> dict[str, Any]:
    """CPU per user from nothing to ready: login, conversation, ticket, connect, join, one account each."""
    with serving("backend", "--port", "0", "--no-presence", "--max-connections", "100000") as origin:
        options = ["--host", origin, "--clients", str(JOINERS), "--spawn-rate", "100", "--conversations", "20"]
        with Generator(*options, "--max-conns-per-user", "1", "--duration", "5m", "--message-interval", "60s") as run:
            run.wait_for("Ramping to")
            began = cpu_seconds(run.pids)
            ready = int(run.wait_for(r"(\d+) clients are ready; sending")[1])
            used = cpu_seconds(run.pids) - began
    assert ready == JOINERS, f"only {ready} of {JOINERS} are ready"
    return {"users": JOINERS, "cpu_ms_per_user": round(1000 * used / JOINERS, 3)}


def connections() -> dict[str, Any]:
    """Many connections from several source addresses, that listen."""
    found = {}
    for clients, workers, servers in ((16_000, 0, 1), (40_000, 3, 3)):
        port = free_port()
        with several_servers(servers, port) as origin:
            options = [*minimal(origin, clients, 400, 400 if not workers else 600), "--mix", "Lurker=1"]
            options += ["--workers", str(workers), "--duration", "5s", "--source-addresses", SOURCES]
            with Generator(*options, "--ready-timeout", "120s", "--connect-timeout", "60s", core=None) as generator:
                result = generator.summary()["connections"]
        found[f"{clients} in {max(1, workers)}"] = {name: result[name] for name in ("ready", "failed", "dropped")}
        print(f"  {clients:,} in {max(1, workers)}: {result}", flush=True)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def several_servers(count: int, port: int) -> Iterator[str]:
    """bench.server `count` times on one port: the kernel spreads the connections."""
    if not count:
        yield f"http://127.0.0.1:{port}"
        return
    command = ("bench.server", "--port", str(port), "--reuse-port")
    with serving(*command, core=None), several_servers(count - 1, port) as origin:
        yield origin


MEASURES: dict[str, Callable[[], dict[str, Any]]] = {
    "throughput": throughput,
    "memory": memory,
    "joining": joining,
    "connections": connections,
}
ONCE = ("connections",)


def medians(several: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The median of each number; anything else as it was in the last run."""
    return {
        name: statistics.median(numbers) if numbers else several[-1][name]
        for name in several[-1]
        for numbers in [[run[name] for run in several if isinstance(run[name], int | float)]]
    }


def main() -> None:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default=",".join(MEASURES))
    options = parser.parse_args()
    results: dict[str, Any] = {}
    for name in options.only.split(","):
        several = []
        for run in range(1 if name in ONCE else options.runs):
            several.append(MEASURES[name]())
            print(f"{name}, run {run + 1}: {several[-1]}", flush=True)
        results[name] = {"median": medians(several), "all": several}
    keep("limits", results)


if __name__ == "__main__":
    main()
