"""The proofs that need the clock.

    python -m bench.proofs [--only freeze,delay,readme,...] [--times 10] [--faithful]

- freeze: the backend is stopped for 6 s of a minute at a constant rate. By theory quantile q of `response` is
  F (1 - (1 - q) T / F); a run in the closed model stands beside it.
- delay: 50 ms are injected; what an independent client sees stands beside our own figures.
- stamps: our event loop stalls for 60 ms each second, and the low end of the times must not know it.
- readme: the README's command passes on a quiet machine, beside busy loops, and beside `make test`.
- slow, lossy: a bad backend is found out, whatever disturbs the generator.
- open: what only our own lateness may have caused is INCONCLUSIVE, and says so; what it cannot have caused is not.
- long: ten million deliveries with every kind of fault, found to the unit.

Generator and backend have a core each, but for `readme`. Results go to bench/proofs/results.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from bench.compare import GENERATOR_CORE, SERVER_CORE
from bench.limits import Generator
from bench.proofs.exact import differences, identities
from bench.proofs.runs import (
    TWIN,
    Summary,
    backend,
    busy_loops,
    closed_windows,
    percentiles,
    process,
    readme,
    reasons,
    small,
    stalling,
    starved,
    with_quota,
)

RESULTS = Path(__file__).resolve().parent / "results.json"
SECONDS, FROZEN_S = 60, 6.0

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
        found[model] = percentiles(response, "count", "p50", "p95", "p99", "p99_9", "max") | {
            "low": percentiles(response["low"], "p95", "p99", "p99_9"),
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
            "ours": percentiles(ours, "count", "p50", "p99"),
            "low": percentiles(ours["low"], "p50", "p99"),
            "canary": percentiles(theirs, "count", "p50", "p99"),
            "send_lag": percentiles(summary["latency_ms"]["send_lag"], "p50", "p99"),
            "deliveries_per_s": round(ours["count"] / 20),
        }
    ours, theirs = found["with 50 ms"]["ours"], found["with 50 ms"]["canary"]
    found["off_ms"] = {name: round(abs(ours[name] - theirs[name]), 3) for name in ("p50", "p99")}
    return found | {"holds": found["off_ms"]["p50"] <= 1 and found["off_ms"]["p99"] <= 3}


def stamps() -> dict[str, Any]:
    """The stamped p99 with stalls of our own and without. That of response is the same: both count from the try."""
    found: dict[str, Any] = {}
    for name, run in (("with stalls", stalling), ("without", small)):
        times = run()["latency_ms"]
        found[name] = {series: percentiles(times[series], "p50", "p99") for series in ("response", "delivery")}
        found[name]["low"] = percentiles(times["delivery"]["low"], "p50", "p99")
    found["off_ms"] = round(abs(found["with stalls"]["low"]["p99"] - found["without"]["low"]["p99"]), 3)
    return found | {"holds": found["off_ms"] <= 1 and found["with stalls"]["response"]["p99"] >= 10}


# -- verdicts --------------------------------------------------------------------------------------------------------

Check = Callable[[Summary], str]
"""What is wrong with a run; nothing if it is right."""


def says(result: str, *texts: str) -> Check:
    """The verdict, and what its reasons have to name."""

    def check(summary: Summary) -> str:
        found = summary["verdict"]["result"]
        told = " | ".join(reasons(summary))
        missing = [text for text in texts if text not in told]
        return "" if found == result and not missing else f"{found}: {told}"

    return check


def never(result: str) -> Check:
    return lambda summary: "" if summary["verdict"]["result"] != result else " | ".join(reasons(summary))


def loses_as_made(summary: Summary) -> str:
    """FAIL, and every loss that the backend made found and proven."""
    lost, made = summary["deliveries"]["lost"], summary["made"]["drop"]
    wrong = identities(summary) + ([] if lost == made else [f"lost {lost}, made {made}"])
    return says("FAIL", f"{lost} deliveries were lost")(summary) or "; ".join(wrong)


def proves_no_loss(summary: Summary) -> str:
    lost, ours = summary["deliveries"]["lost"], summary["generator"]["lost"]
    return says("INCONCLUSIVE", f"{lost} deliveries were lost, and the generator may have caused each")(summary) or (
        "" if lost == ours > 0 else f"lost {lost}, {ours} not proven"
    )


DELAYED = ("--fault", "delay=1:300ms", "--settled-after", "0")
TOO_SLOW = ("--slo", "response.p95 < 100")


def lossy() -> Summary:
    """The backend drops one delivery in a hundred; what it dropped comes with the summary."""
    with backend("--fault", "drop=0.01", "--settled-after", "0") as (origin, _):
        with Generator("--host", origin, "--clients", "24", "--conversations", "4", "--message-interval", "200ms",
                       "--duration", "6s", "--reconcile", "none") as generator:  # fmt: skip
            summary = generator.summary()
        with urllib.request.urlopen(f"{origin}/faults", timeout=60) as answer:  # noqa: S310
            return summary | {"made": json.loads(answer.read())["counts"]}


@contextmanager
def make_test() -> Iterator[None]:
    """`make test`, over and over."""
    with process("sh", "-c", "while true; do make test; done"):
        yield


Case = tuple[Callable[[], Summary], Check, Callable[[], AbstractContextManager[None]]]
QUIET = nullcontext
CASES: dict[str, dict[str, Case]] = {
    "readme": {
        "quiet": (readme, says("PASS"), QUIET),
        "beside a busy loop on each core": (readme, says("PASS"), busy_loops),
        "beside make test": (readme, says("PASS"), make_test),
    },
    "slow": {
        "300 ms late, limit 100": (lambda: small(*TOO_SLOW, faults=DELAYED), says("FAIL"), QUIET),
        "the same beside two busy loops": (lambda: small(*TOO_SLOW, faults=DELAYED), says("FAIL"), busy_loops),
        "the same, the generator stopped for 0.6 s": (
            lambda: small(*TOO_SLOW, faults=DELAYED, stop_after_s=2, stop_s=0.6), says("FAIL"), QUIET,
        ),
        "300 ms late, limit 500": (lambda: small(faults=DELAYED), says("PASS"), QUIET),
        "3 clients for 5 s": (
            lambda: small("--clients", "3", "--conversations", "1", "--duration", "5s"), never("INCONCLUSIVE"), QUIET,
        ),
    },
    "lossy": {
        "1 % dropped, beside two busy loops": (lossy, loses_as_made, busy_loops),
        "the generator stopped for 3 s, so that windows close": (closed_windows, proves_no_loss, QUIET),
    },
    "open": {
        "60 ms of stall each second, limit between the ends": (
            lambda: stalling("--slo", "response.p99 < 10"),
            says("INCONCLUSIVE", "response.p99 < 10 is open", "more only by the generator's own lateness",
                 "generator event loop stalled for up to"),
            QUIET,
        ),
        "60 ms of stall each second, limit 500": (stalling, says("PASS"), QUIET),
        "half a core, where more is needed": (with_quota, says("INCONCLUSIVE", "the load was not as asked"), QUIET),
        "the backend starved on its core, limit 50": (starved, never("FAIL"), QUIET),
    },
}  # fmt: skip


def repeat(cases: dict[str, Case], times: int) -> dict[str, Any]:
    """Every case so many times, and how often it was right."""
    found: dict[str, Any] = {}
    for name, (run, check, disturbance) in cases.items():
        wrong, results = [], []
        with disturbance():
            for _ in range(times):
                summary = run()
                results.append(summary["verdict"]["result"])
                if problem := check(summary):
                    wrong.append(problem)
        found[name] = {
            "right": times - len(wrong),
            "of": times,
            "results": {result: results.count(result) for result in sorted(set(results))},
            "last": reasons(summary),
            "wrong": wrong,
        }
        print(f"  {name}: {json.dumps(found[name])}", flush=True)
    return found | {"holds": all(found[name]["right"] == times for name in cases)}


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
        options += ["--max-conns-per-user", str(members), "--duration", f"{LONG_SECONDS}s"]
        options += ["--message-interval", "320ms", "--reconcile", "all"]
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
        "not_proven": summary["generator"]["lost"],
        "differences": wrong,
        "holds": not wrong and received >= 10_000_000,
    }


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(("freeze", "delay", "stamps", *CASES)))
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--faithful", action="store_true", help="against the backend that is as unkind as the real one")
    options = parser.parse_args()
    TWIN.extend(["--faithful"] if options.faithful else [])
    proofs: dict[str, Callable[[], dict[str, Any]]] = {
        "freeze": freeze,
        "delay": delay,
        "stamps": stamps,
        "long": long,
    }
    for group, cases in CASES.items():
        proofs[group] = lambda cases=cases: repeat(cases, options.times)  # type: ignore[misc]
    os.sched_setaffinity(0, {int(GENERATOR_CORE), int(SERVER_CORE)})
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    holds = True
    for name in options.only.split(","):
        found = proofs[name]()
        holds = holds and found["holds"]
        results[name + (" (faithful)" if options.faithful else "")] = found
        print(f"{name}: {json.dumps(found)}", flush=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print("proofs: all hold" if holds else "proofs: NOT all hold", flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
