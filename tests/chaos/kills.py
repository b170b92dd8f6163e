"""`python -m tests.chaos.kills`: parts of a swarm are killed at random times; what does the report have?

A report may miss what was sent in the last second before the kill, and says so. The truth is the backend's own count,
sampled all the time.

--times N    how many runs (50)
--at-once N  how many of them at the same time (2)
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.chaos.case import Case
from tests.chaos.scenarios import MASTER, WORKER, main_of
from tests.support import ROOT

SAMPLE_S = 0.02
MISSED_S = 1.0
"""Workers report once a second."""

SLACK_S = 0.3
"""For the report's way into the checkpoint, and for our own sampling."""

PARTS = ("main", "everything", "workers and master")


def taken_by(case):
    text = urllib.request.urlopen(f"http://127.0.0.1:{case.backend_port}/metrics", timeout=5).read().decode()
    return next(int(float(line.split()[1])) for line in text.splitlines() if line.startswith("backend_messages_taken"))


class Truth:
    """What the backend has taken, over time."""

    def __init__(self, case):
        self.samples = [(time.monotonic(), 0)]
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.watch, args=(case,), daemon=True)
        self.thread.start()

    def watch(self, case):
        while not self.is_over.wait(SAMPLE_S):
            with suppress(OSError, StopIteration):
                self.samples.append((time.monotonic(), taken_by(case)))

    def at(self, time_s):
        return max((count for at_s, count in self.samples if at_s <= time_s), default=0)


def kill(case, part):
    """Kill a part of the run; returns when that was."""
    wanted = {"main": main_of(case), "everything": "", "workers and master": None}[part]
    pids = [
        pid
        for pid, command in case.processes(wanted or "").items()
        if wanted is not None or MASTER in command or WORKER in command or "-m locust" in command
    ]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return time.monotonic()


def play(number, root):
    """One run; returns what did not hold."""
    part, workers = PARTS[number % len(PARTS)], number // len(PARTS) % 2 * 2
    options = {"duration": "20s", "message-interval": "100ms", "preflight": "off"}
    case = Case(root / f"kill-{number}", workers, number, **options)
    case.until_it_sends()
    truth = Truth(case)
    case.pause(0.5, 4.0)
    killed_s = kill(case, part)
    with suppress(subprocess.TimeoutExpired):
        case.run.wait(20)
    if part == "everything":
        command = [sys.executable, "-m", "hubbub", "report", str(case.run_folder)]
        subprocess.run(command, cwd=ROOT, stdout=case.log.open("ab"), stderr=subprocess.STDOUT, check=False, timeout=60)
    truth.is_over.set()
    truth.thread.join(5)
    wrong = check(case, truth, killed_s)
    case.clean_up(case.processes())
    return part, workers, wrong


def check(case, truth, killed_s):
    path = case.run_folder / "summary.json"
    if not path.exists():
        return ["no summary.json"], ""
    summary = json.loads(path.read_text())
    sent = summary["messages"]["sent"]
    at_least, at_most = truth.at(killed_s - MISSED_S - SLACK_S), truth.at(killed_s + SLACK_S)
    wrong = []
    if not at_least <= sent <= at_most:
        wrong.append(f"{sent} messages in the report, {at_least} to {at_most} in the backend")
    reasons = [reason["text"] for reason in summary["verdict"]["reasons"]]
    if summary["verdict"]["result"] == "PASS" or not any(" had reported until " in text for text in reasons):
        wrong.append(f"what is missing is not named: {reasons}")
    if "Traceback" in case.text:
        wrong.append("a traceback")
    return wrong, f"{sent} in the report, {truth.at(killed_s)} taken when it was killed"


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.kills")
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=2)
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="kills-"))
    failed = 0
    with ThreadPoolExecutor(arguments.at_once) as pool:
        for number, (part, workers, (wrong, said)) in enumerate(
            pool.map(lambda n: play(n, root), range(arguments.times))
        ):
            failed += bool(wrong)
            print(f"{number} {part} (workers {workers}): {'; '.join(wrong) or 'holds'}; {said}", flush=True)
    print(f"kills: {arguments.times - failed} of {arguments.times} hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
