"""What end-to-end tests share: real processes, and waiting on conditions with a bound."""

import os
import re
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 90


def wait_until(condition, patience_s=PATIENCE_S, what="the condition"):
    """Poll until `condition()` is true; fail after a bounded time."""
    deadline = time.monotonic() + patience_s
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {patience_s} s"
        select.select([], [], [], 0.05)
    return result


def is_alive(pid):
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def family_of(launcher):
    """The live processes that a launcher's run consists of, as {pid: command line}."""
    mark = f"HUBBUB_LAUNCHER_PID={launcher}".encode()
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes().split(b"\0") and is_alive(path.name):
                found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


def members(launcher, mark):
    """The pids of a run's processes whose command line has `mark` in it."""
    return [pid for pid, command in family_of(launcher).items() if mark in command]


def free_port():
    """A free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def overridden(defaults, options):
    """The default options, in pairs, without those that are given again: each is given once."""
    pairs = zip(defaults[::2], defaults[1::2], strict=True)
    return [part for flag, value in pairs if flag not in options for part in (flag, value)]


class Program:
    """A running program with its output in a file. Ends with the test."""

    def __init__(self, arguments, folder, env=None, cwd=ROOT):
        self.output = folder / f"output-{len(list(folder.glob('output-*')))}.txt"
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                arguments,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | (env or {}),
                start_new_session=True,
            )

    @property
    def text(self):
        return self.output.read_text(errors="replace")

    def wait_for(self, pattern, patience_s=PATIENCE_S):
        """Wait until the output matches; returns the match."""

        def matches():
            found = re.search(pattern, self.text)
            assert found or self.process.poll() is None or re.search(pattern, self.text), self.text
            return found or re.search(pattern, self.text)

        return wait_until(matches, patience_s, f"{pattern!r} in the output")

    def code(self, patience_s=PATIENCE_S):
        """Wait for the end; returns the exit code."""
        return self.process.wait(patience_s)

    def passes(self):
        """Wait for the end: PASS, however busy this machine is."""
        assert self.code() == 0, self.text

    def signal(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Backend:
    """A running embedded backend."""

    def __init__(self, program):
        self.program = program
        self.origin = program.wait_for(r"ready on (http://\S+)")[1]

    def metric(self, name):
        text = requests.get(f"{self.origin}/metrics", timeout=10).text
        return int(float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1]))


class WebUi:
    """The web UI, used with HTTP requests."""

    def __init__(self, program):
        self.program = program
        self.origin = program.wait_for(r"Starting web interface at (http://[^,\s]+)")[1]
        wait_until(self._answers)

    def _answers(self):
        try:
            return requests.get(self.origin, timeout=5).ok
        except requests.ConnectionError:
            return False

    def swarm(self, headers=None, **form):
        form = {"user_count": 6, "spawn_rate": 50, "message_interval": "200ms"} | form
        return requests.post(f"{self.origin}/swarm", data=form, headers=headers, timeout=30)

    def stop(self):
        return requests.post(f"{self.origin}/stop", timeout=60)

    def state(self):
        return requests.get(f"{self.origin}/stats/requests", timeout=10).json()["state"]

    def users(self):
        return requests.get(f"{self.origin}/stats/requests", timeout=10).json()["user_count"]

    def runs(self):
        return re.findall(r"Results: (\S+)", self.program.text)
