"""The proofs that need the clock.

    python -m bench.proofs [--only freeze,delay,ill,well,long] [--times 10]

- freeze: the backend is stopped for 6 s of a minute at a constant rate. By theory quantile q of `response` is
  F (1 - (1 - q) T / F); a run in the closed model stands beside it.
- delay: 50 ms are injected; what an independent client sees stands beside our own figures.
- ill: a generator that is not well must say so, every time, and why.
- well: a healthy one never does, nor does one whose backend is merely slow.
- long: ten million deliveries with every kind of fault, found to the unit.

The generator is pinned to one core, the backend to the other. Results go to bench/proofs/results.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.compare import GENERATOR_CORE, SERVER_CORE
from bench.limits import Generator, minimal, serving
from bench.proofs.exact import differences

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
GROUPS = Path("/sys/fs/cgroup/cpu")
SECONDS, FROZEN_S = 60, 6.0
SMALL = ("--clients", "24", "--conversations", "4", "--message-interval", "200ms", "--duration", "6s")


def p(series: dict[str, Any], *names: str) -> dict[str, float | None]:
    return {name: series[name] for name in names}


@contextmanager
def backend(*options: str) -> Iterator[tuple[str, int]]:
    """The embedded backend on its core; yields its origin and process id."""
    with serving("target", "--port", "0", "--max-conns-per-user", "100", *options) as origin:
        port = origin.rsplit(":", 1)[1]
        found = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
        yield origin, int(found.split("pid=")[1].split(",")[0])


def reasons(summary: dict[str, Any]) -> list[str]:
    return [f"{reason['kind']}: {reason['text']}" for reason in summary["verdict"]["reasons"]]


# -- times -----------------------------------------------------------------------------------------------------------


def freeze() -> dict[str, Any]:
    """Stop the backend in the middle, with and without a plan that does not care."""
    found: dict[str, Any] = {}
    for model in ("open", "closed"):
        with backend() as (origin, pid):
            options = ["--host", origin, "--clients", "100", "--conversations", "50", "--message-interval", "200ms"]
            with Generator(*options, "--duration", f"{SECONDS}s", "--model", model) as generator:
                generator.wait_for("clients are ready; sending")
                time.sleep(20)
                os.kill(pid, signal.SIGSTOP)
                time.sleep(FROZEN_S)
                os.kill(pid, signal.SIGCONT)
                summary = generator.summary()
        response = summary["latency_ms"]["response"]
        found[model] = p(response, "count", "p50", "p95", "p99", "p99_9", "max") | {
            "sent": summary["messages"]["sent"],
            "lost": summary["deliveries"]["lost"],
        }
    theory = {
        name: 1_000 * FROZEN_S * (1 - (1 - q) * SECONDS / FROZEN_S)
        for name, q in (("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999))
    }
    off = {name: abs(found["open"][name] - value) / value for name, value in theory.items()}
    return found | {"theory": theory, "off": off, "holds": all(value <= 0.02 for value in off.values())}


def delay() -> dict[str, Any]:
    """10,000 deliveries a second, with 50 ms injected and without."""
    found: dict[str, Any] = {}
    for name, faults in (("with 50 ms", ("--fault", "delay=1:50ms", "--settled-after", "0")), ("without", ())):
        with backend(*faults) as (origin, _):
            options = ["--host", origin, "--clients", "100", "--conversations", "2", "--message-interval", "500ms"]
            with Generator(*options, "--max-conns-per-user", "50", "--duration", "20s", "--canary") as generator:
                summary = generator.summary()
        ours, theirs = summary["latency_ms"]["delivery"], summary["canary"]["delivery_ms"]
        found[name] = {
            "ours": p(ours, "count", "p50", "p99"),
            "canary": p(theirs, "count", "p50", "p99"),
            "send_lag": p(summary["latency_ms"]["send_lag"], "p50", "p99"),
            "deliveries_per_s": round(ours["count"] / 20),
        }
    ours, theirs = found["with 50 ms"]["ours"], found["with 50 ms"]["canary"]
    found["off_ms"] = {name: round(abs(ours[name] - theirs[name]), 3) for name in ("p50", "p99")}
    return found | {"holds": found["off_ms"]["p50"] <= 1 and found["off_ms"]["p99"] <= 3}


# -- verdicts --------------------------------------------------------------------------------------------------------


@contextmanager
def hog() -> Iterator[None]:
    """A process that wants all of the generator's core."""
    command = ["taskset", "-c", GENERATOR_CORE, sys.executable, "-c", "while True: pass"]
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def with_hog() -> dict[str, Any]:
    with backend() as (origin, _), hog(), Generator("--host", origin, *SMALL) as generator:
        return generator.summary()


def with_stalls() -> dict[str, Any]:
    """The launcher names the locustfile itself, so this one is plain Locust."""
    with backend() as (origin, _), Generator("--host", origin, *SMALL, locustfile=HERE / "stalling.py") as generator:
        return generator.summary()


def with_quota() -> dict[str, Any]:
    """Half a core, where the load wants more."""
    group = GROUPS / f"hubbub-proof-{os.getpid()}"
    group.mkdir()
    try:
        (group / "cpu.cfs_period_us").write_text("100000")
        (group / "cpu.cfs_quota_us").write_text("50000")
        with serving("bench.server", "--port", "0") as origin:
            options = [*minimal(origin, 200, 4), "--duration", "6s", "--message-interval", "100ms"]
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


def with_stop() -> dict[str, Any]:
    """The generator itself is stopped for a second."""
    with backend() as (origin, _), Generator("--host", origin, *SMALL) as generator:
        generator.wait_for("clients are ready; sending")
        time.sleep(2)
        pid = generator.pids[0]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(pid, signal.SIGCONT)
        return generator.summary()


def slow_backend() -> dict[str, Any]:
    faults = ("--fault", "delay=1:300ms", "--settled-after", "0")
    with backend(*faults) as (origin, _), Generator("--host", origin, *SMALL) as generator:
        return generator.summary()


def three_clients() -> dict[str, Any]:
    with backend() as (origin, _), Generator("--host", origin, "--clients", "3", "--duration", "5s") as generator:
        return generator.summary()


ILL: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "a busy loop on its core": (with_hog, "late by waiting for a core"),
    "60 ms of stall each second": (with_stalls, "event loop over 50 ms late"),
    "a quota of half a core": (with_quota, "throttled by its control group"),
    "stopped for 1 s": (with_stop, "the generator stood still for"),
}
WELL = {"a merely slow backend": slow_backend, "3 clients for 5 s": three_clients}


def ill(times: int) -> dict[str, Any]:
    """Every time INCONCLUSIVE, and for the right reason."""
    found: dict[str, Any] = {}
    for name, (run, reason) in ILL.items():
        right, wrong = 0, []
        for _ in range(times):
            summary = run()
            causes = [cause["cause"] for cause in summary["health"]["unclean"]]
            if summary["verdict"]["result"] == "INCONCLUSIVE" and any(
                reason in text for text in reasons(summary) + causes
            ):
                right += 1
            else:
                wrong.append([summary["verdict"]["result"], *reasons(summary), *causes])
        found[name] = {"right": right, "of": times, "reason": reason, "wrong": wrong}
        print(f"  {name}: {found[name]}", flush=True)
    return found | {"holds": all(found[name]["right"] == times for name in ILL)}


def well(times: int) -> dict[str, Any]:
    """Never INCONCLUSIVE."""
    found: dict[str, Any] = {}
    for name, run in WELL.items():
        results, wrong = [], []
        for _ in range(times):
            summary = run()
            results.append(summary["verdict"]["result"])
            if results[-1] == "INCONCLUSIVE":
                wrong.append(reasons(summary))
        found[name] = {"right": times - len(wrong), "of": times, "results": sorted(set(results)), "wrong": wrong}
        print(f"  {name}: {found[name]}", flush=True)
    return found | {"holds": all(found[name]["right"] == times for name in WELL)}


# -- counts ----------------------------------------------------------------------------------------------------------

LONG_CLIENTS, LONG_ROOMS, LONG_SECONDS = 200, 4, 330
LONG_FAULTS = (
    *("drop=0.0001", "duplicate=0.0001", "reorder=0.0001", "leak=0.0001", "corrupt=0.0001"),
    *("swallow=0.0005", "undelivered=0.0005", "unstored=0.0005", "refuse=0.0005", "throttle=0.0005"),
)


def long() -> dict[str, Any]:
    """All faults at once for as long as ten million deliveries take."""
    faults = [option for fault in LONG_FAULTS for option in ("--fault", fault)]
    members = LONG_CLIENTS // LONG_ROOMS
    with backend("--no-presence", *faults) as (origin, _):
        options = ["--host", origin, "--clients", str(LONG_CLIENTS), "--conversations", str(LONG_ROOMS)]
        options += [
            "--max-conns-per-user",
            str(members),
            "--duration",
            f"{LONG_SECONDS}s",
            "--message-interval",
            "320ms",
            "--reconcile",
            "all",
        ]
        with Generator(*options, patience_s=LONG_SECONDS + 900.0) as generator:
            summary = generator.summary()
        with urllib.request.urlopen(f"{origin}/faults", timeout=60) as answer:  # noqa: S310
            truth = json.loads(answer.read())
    wrong = differences(summary, truth["counts"], members)
    received = summary["deliveries"]["received"]
    return {
        "deliveries": summary["deliveries"],
        "messages": summary["messages"],
        "history": summary["history"],
        "truth": truth["counts"],
        "verdict": summary["verdict"]["result"],
        "differences": wrong,
        "holds": not wrong and received >= 10_000_000,
    }


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="freeze,delay,ill,well")
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    proofs: dict[str, Callable[[], dict[str, Any]]] = {
        "freeze": freeze,
        "delay": delay,
        "ill": lambda: ill(options.times),
        "well": lambda: well(options.times),
        "long": long,
    }
    os.sched_setaffinity(0, {int(GENERATOR_CORE), int(SERVER_CORE)})
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    holds = True
    for name in options.only.split(","):
        results[name] = proofs[name]()
        holds = holds and results[name]["holds"]
        print(f"{name}: {json.dumps(results[name])}", flush=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print("proofs: all hold" if holds else "proofs: NOT all hold", flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
