"""One run under a fault: its processes, what is done to them, and what must hold in the end."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.chaos.proxy import Proxy
from tests.support import ROOT, is_alive

AFTER_S = 15.0
"""The verdict comes at most so long after the fault, or after the deadline that was printed."""

LEFT_S = 5.0
"""So long after the end none of our processes is left."""

MAX_RSS = 300 << 20
PLANNED_S = 45.0
"""How long a run takes here whose fault does not end it."""

OPTIONS = {
    "clients": "6",
    "duration": "5s",
    "message-interval": "500ms",
    "drain-quiet": "500ms",
    "drain-timeout": "3s",
    "prepare-timeout": "15s",
    "ready-timeout": "5s",
    "connect-timeout": "3s",
    "join-timeout": "3s",
}
DECIDED = ("confirmed", "refused", "throttled", "vanished", "indefinite", "pending")


class Case:
    """Starts a backend, perhaps a proxy, and a run; gives the strikes what they need; `check` says what was wrong."""

    def __init__(
        self,
        folder,
        workers,
        seed,
        answers=None,
        flood=b"",
        prefix=(),
        environment=None,
        command=None,
        log=None,
        **more,
    ):
        self.mark = f"{os.getpid()}-{random.getrandbits(64):x}"
        self.random = random.Random(seed)
        self.likeness = ["--faithful"] if seed % 2 else []  # every other run is against the unkind one
        self.folder = folder
        folder.mkdir(parents=True)
        self.environment = os.environ | {"CHAOS_MARK": self.mark, "PYTHONPATH": str(ROOT)} | (environment or {})
        self.backend, port = None, None
        port = self.start_backend()
        self.backend_port = port
        self.proxy = Proxy(port, answers, flood)
        self.run_folder = folder / "run"
        self.log = folder.with_name(f"{folder.name}.log") if log is None else log
        given = OPTIONS | {"host": f"http://127.0.0.1:{self.proxy.port}", "run-dir": str(self.run_folder)} | more
        flags = [text for name, value in given.items() if value is not None for text in (f"--{name}", value)]
        arguments = command or [sys.executable, "-m", "hubbub", "perf-ws", "--workers", str(workers)]
        self.max_rss = 0
        self.struck_s = time.monotonic()
        with self.log.open("wb") as output:
            self.run = subprocess.Popen(
                [*prefix, *arguments, *flags],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.is_over = threading.Event()
        threading.Thread(target=self.watch_memory, daemon=True).start()

    def start_backend(self, port=0):
        """A backend on a port; returns the port."""
        said = self.folder / f"backend-{time.monotonic_ns()}.txt"
        with said.open("wb") as out:
            self.backend = subprocess.Popen(
                [sys.executable, "-m", "backend", "--port", str(port), "--max-conns-per-user", "12", *self.likeness],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        found = None
        for _ in range(600):
            found = re.search(r"ready on http://127.0.0.1:(\d+)", said.read_text())
            if found:
                break
            time.sleep(0.05)
        return int(found[1])

    # -- what strikes use --------------------------------------------------------------------------------------------

    @property
    def text(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, pattern, seconds=60.0):
        """Until the log has it, or the run is over."""
        ends_s = time.monotonic() + seconds
        while not re.search(pattern, self.text) and self.run.poll() is None and time.monotonic() < ends_s:
            time.sleep(0.05)

    def until_it_sends(self):
        """A moment in the middle of the sending window."""
        self.wait_for(r"clients are ready; sending")
        time.sleep(self.random.uniform(0.3, 3.0))

    def pause(self, low_s, high_s):
        time.sleep(self.random.uniform(low_s, high_s))

    def processes(self, part=""):
        """The live processes of the run as {pid: command line}."""
        found = {}
        mark = f"CHAOS_MARK={self.mark}".encode()
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (path / "environ").read_bytes().split(b"\0") and is_alive(path.name):
                    command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if part in command:
                        found[int(path.name)] = command
        return found

    def send(self, number, part):
        """A signal to one process whose command line has this part."""
        pids = sorted(self.processes(part))
        if pids:
            with suppress(ProcessLookupError):
                os.kill(self.random.choice(pids), number)

    def stop_for(self, part, seconds):
        """One process stands still for a while."""
        pids = sorted(self.processes(part))
        if not pids:
            return
        pid = self.random.choice(pids)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(pid, signal.SIGCONT)

    def interrupt(self):
        """Ctrl-C in the terminal: the launcher gets it."""
        with suppress(ProcessLookupError):
            os.kill(self.run.pid, signal.SIGINT)

    def watch_memory(self):
        while not self.is_over.wait(0.3):
            for pid in self.processes():
                with suppress(OSError, IndexError, ValueError):
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    self.max_rss = max(self.max_rss, pages * os.sysconf("SC_PAGE_SIZE"))

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self, codes, is_at_once):
        """Wait for the end; returns what did not hold, as sentences."""
        limit_s = AFTER_S if is_at_once else PLANNED_S
        wrong = []
        try:
            self.run.wait(max(0.0, self.struck_s + limit_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            wrong.append(f"not over {limit_s:g} s after the fault")
        ended_s = time.monotonic()
        if self.run.poll() is not None and self.run.returncode not in codes:
            wrong.append(f"exit code {self.run.returncode}, expected {sorted(codes)}")
        while self.processes() and time.monotonic() < ended_s + LEFT_S:
            time.sleep(0.1)
        left = self.processes()
        if left:
            wrong.append(f"left behind: {[command[-90:] for command in left.values()]}")
        self.is_over.set()
        wrong += self.check_output()
        if self.max_rss > MAX_RSS:
            wrong.append(f"{self.max_rss >> 20} MB of memory")
        self.clean_up(left)
        return wrong

    def check_output(self):
        text = self.text
        wrong = []
        if text.count("Traceback") > self.allowed_tracebacks:
            wrong.append(f"{text.count('Traceback')} tracebacks")
        if not re.search(r"^(Verdict: |hubbub: .*\.$)", text, re.MULTILINE):
            wrong.append("neither a verdict nor a sentence")
        path = self.run_folder / "summary.json"
        if path.exists():
            wrong += broken_identities(json.loads(path.read_text()))
        elif "Verdict: " in text and not self.may_lack_files:
            wrong.append("a verdict without summary.json")
        return wrong

    allowed_tracebacks = 0
    may_lack_files = False

    def clean_up(self, left):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self.backend.pid, signal.SIGCONT)
        self.backend.kill()
        self.backend.wait()
        self.proxy.close()
        self.run.poll()
        if self.run_folder.is_mount():
            subprocess.run(["umount", "-l", str(self.run_folder)], check=False)

    def remove_folder(self):
        shutil.rmtree(self.run_folder, ignore_errors=True)


def broken_identities(summary):
    """The identities of a summary that do not hold to the unit."""
    messages, deliveries, wrong = summary["messages"], summary["deliveries"], []
    sums = {
        "planned": (messages["planned"], messages["sent"] + messages["unsent"]),
        "sent": (messages["sent"], sum(messages[name] for name in DECIDED)),
        "due": (deliveries["due"], deliveries["delivered"] + deliveries["lost"] + deliveries["excused"]),
        "expected": (deliveries["expected"], deliveries["delivered"] + deliveries["lost"]),
    }
    for name, (one, other) in sums.items():
        if one != other:
            wrong.append(f"{name} is {one}, its parts are {other}")
    if summary["clients"]["ready"] > summary["clients"]["asked"]:
        wrong.append(f"clients: {summary['clients']}")
    return wrong
