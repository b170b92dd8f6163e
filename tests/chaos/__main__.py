"""`python -m tests.chaos`: every scenario, with 0 and 2 workers, in some seeds; prints what did not hold.

--seeds N       how many times each (5)
--sample N      only so many runs, chosen at random but spread over the scenarios
--only TEXT     only scenarios whose name has this in it
--at-once N     how many runs at the same time (2)
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.case import Case
from tests.chaos.scenarios import SCENARIOS

SMALL_DISK = "1m"


@contextmanager
def place_of(folder, options):
    """Where a case runs: a small disk of its own, or a network with a handful of ports, if it asks for one."""
    options = dict(options)
    is_small, has_few_ports = options.pop("is_small_disk", False), options.pop("has_few_ports", False)
    if is_small:
        folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)], check=True)
        options["log"] = folder.with_name(f"{folder.name}.log")  # what is printed is not on that disk
        folder = folder / "case"
    if has_few_ports:
        range_ = "echo 40000 40019 > /proc/sys/net/ipv4/ip_local_port_range"
        script = f'ip link set lo up; {range_}; exec "$@"'
        options["prefix"] = ("unshare", "--net", "sh", "-c", script, "chaos")
        options["host"] = None
    try:
        yield folder, options
    finally:
        if is_small:
            subprocess.run(["umount", "-l", str(folder.parent)], check=False)


def play(scenario, workers, seed, root):
    """One run; returns what did not hold, and how long it took."""
    began_s = time.monotonic()
    name = "".join(letter if letter.isalnum() else "-" for letter in scenario.name)
    with place_of(root / f"{name}-{workers}-{seed}", scenario.options) as (folder, options):
        host = options.pop("host", "")
        case = Case(folder, workers, seed, **options, **({"host": ""} if host is None else {}))
        case.allowed_tracebacks = scenario.tracebacks
        case.may_lack_files = scenario.may_lack_files
        scenario.strike(case)
        case.struck_s = time.monotonic()
        wrong = case.finish(scenario.codes, scenario.ends)
        text = case.text
    if wrong:
        kept = root / f"failed-{name}-{workers}-{seed}.txt"
        kept.write_text(text)
        wrong.append(f"see {kept}")
    return wrong, time.monotonic() - began_s


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--at-once", type=int, default=2)
    arguments = parser.parse_args()
    plays = [
        (scenario, workers, seed)
        for seed in range(arguments.seeds)
        for scenario in SCENARIOS
        for workers in scenario.workers
        if arguments.only in scenario.name
    ]
    if arguments.sample:
        plays = random.Random(0).sample(plays, min(arguments.sample, len(plays)))
    root = Path(tempfile.mkdtemp(prefix="chaos-"))
    failed = 0
    with ThreadPoolExecutor(arguments.at_once) as pool:
        results = pool.map(lambda play_: (play_, play(*play_, root)), plays)
        for (scenario, workers, seed), (wrong, took_s) in results:
            failed += bool(wrong)
            said = "; ".join(wrong) if wrong else "holds"
            print(f"{scenario.name} (workers {workers}, seed {seed}, {took_s:.0f} s): {said}", flush=True)
    print(f"chaos: {len(plays) - failed} of {len(plays)} hold")
    if not failed:
        shutil.rmtree(root, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
