"""A long run at 20,000 deliveries a second: is memory flat, is the journal small, is every count exact to the end?

    python -m bench.soak [--duration 1h] [--rate 20000]

Resident memory of each of the run's processes is sampled; its slope is that of the least squares after the first
minutes, in which buffers, histograms and the corpus get their size. Results go to bench/soak.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import linear_regression
from typing import Any

from bench.limits import Generator, minimal, serving
from bench.proofs.exact import identities
from hubbub.clock import parse_duration_us

RESULTS = Path(__file__).resolve().parent / "soak.json"
CLIENTS, CONVERSATIONS = 200, 4
RECEIVERS = CLIENTS // CONVERSATIONS - 1  # the server does not echo

SETTLED_S = 300
SAMPLE_S = 5
MAX_SLOPE_KB_PER_HOUR = 2048
MAX_JOURNAL_BYTES_PER_HOUR = 2 << 20

Samples = dict[int, list[tuple[float, int]]]


def resident_kb(pid: int) -> int | None:
    """Resident memory of a process; None when it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:")), None)


def sample(generator: Generator, samples: Samples, seconds: float) -> None:
    """Sample each process of the run for so long."""
    begun_s = time.monotonic()
    while (at_s := time.monotonic() - begun_s) < seconds:
        for pid in generator.pids:
            if (kb := resident_kb(pid)) is not None:
                samples.setdefault(pid, []).append((at_s, kb))
        time.sleep(SAMPLE_S)


def slope_kb_per_hour(samples: list[tuple[float, int]], settled_s: float) -> float | None:
    """By least squares, of what was sampled after `settled_s`; None with fewer than ten samples."""
    late = [(at_s, kb) for at_s, kb in samples if at_s >= settled_s]
    if len(late) < 10:
        return None
    return round(linear_regression(*zip(*late, strict=True)).slope * 3600, 1)


def faults(result: dict[str, Any]) -> list[str]:
    """What did not hold."""
    wrong = list(result["identities"])
    wrong += [f"{name}: {count}, not 0" for name, count in result["zero"].items() if count]
    if result["delivered"] != result["planned"] * RECEIVERS:
        wrong.append(f"delivered {result['delivered']}, planned {result['planned']} x {RECEIVERS}")
    if result["journal_bytes_per_hour"] > MAX_JOURNAL_BYTES_PER_HOUR:
        wrong.append(f"the journal grows by {result['journal_bytes_per_hour']} bytes an hour")
    wrong += [
        f"process {name} grows by {process['slope_kb_per_hour']} KB an hour"
        for name, process in result["processes"].items()
        if (process["slope_kb_per_hour"] or 0) > MAX_SLOPE_KB_PER_HOUR
    ]
    return wrong


def soak(duration: str, rate: int) -> dict[str, Any]:
    """One run, and what was measured of it."""
    seconds = parse_duration_us(duration) / 1e6
    interval_ms = CLIENTS * RECEIVERS / rate * 1000
    samples: Samples = {}
    with serving("bench.server", "--port", "0", core=None) as origin:
        options = [*minimal(origin, CLIENTS, CONVERSATIONS), "--duration", duration]
        options += ["--message-interval", f"{interval_ms:.3f}ms"]
        with Generator(*options, core=None, patience_s=seconds + 120) as generator:
            generator.wait_for("clients are ready; sending")
            sample(generator, samples, seconds)
            summary = generator.summary()
            journal_bytes = (generator.run_dir / "journal.jsonl").stat().st_size
    messages, deliveries = summary["messages"], summary["deliveries"]
    lost = {name: deliveries[name] for name in ("lost", "excused", "duplicated", "out_of_order", "corrupt", "late")}
    return {
        "duration_s": seconds,
        "planned": messages["planned"],
        "delivered": deliveries["delivered"],
        "zero": {**lost, "unsent": messages["unsent"], "vanished": messages["vanished"]},
        "identities": identities(summary),
        "verdict": summary["verdict"],
        "health": summary["health"],
        "journal_bytes_per_hour": round(journal_bytes / seconds * 3600),
        "processes": {
            str(place): {
                "first_kb": taken[0][1],
                "settled_kb": next((kb for at_s, kb in taken if at_s >= SETTLED_S), None),
                "last_kb": taken[-1][1],
                "most_kb": max(kb for _, kb in taken),
                "slope_kb_per_hour": slope_kb_per_hour(taken, SETTLED_S),
                "each_minute_kb": [kb for _, kb in taken[:: 60 // SAMPLE_S]],
            }
            for place, taken in enumerate(samples.values())
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", default="1h")
    parser.add_argument("--rate", type=int, default=20_000)
    arguments = parser.parse_args()
    result = soak(arguments.duration, arguments.rate)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    wrong = faults(result)
    print("\n".join(f"soak: {fault}" for fault in wrong) or "soak: all holds")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
