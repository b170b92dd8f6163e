"""Runs Locust: one process, or a master and its workers, each in a process group of its own, so that Ctrl-C reaches the
master once and through us. They end with us, however we end.

Options travel in the environment of the process that owns the run, which checks them. Secrets are then in no command
line, and workers, which get their settings from the master, have none of them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from hubbub.errors import ConfigError
from hubbub.exit_code import ExitCode
from hubbub.options import OPTION, OPTIONS
from hubbub.suite import LAUNCHER_PID, SUITE, WORKING_FOLDER_VARIABLE, environment_of_children

LOCUST = (sys.executable, "-m", "locust")
WORKER_WAIT_S = 60
"""How long a master waits for its workers: a machine where all of them start at once is busy for a while."""

LAST_WAIT_S = 10.0
"""How long a process may take to end by itself, and after SIGTERM."""


LOCUSTS_VARIABLES = {"clients": "LOCUST_USERS", "spawn_rate": "LOCUST_SPAWN_RATE", "host": "LOCUST_HOST"}
"""Variables that Locust prefers to ours: what the user gave to us beats them."""


class ProcessGroup:
    """The processes of one run. Use as a context: on leaving it, none is left."""

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[bytes]] = []
        ours = {LAUNCHER_PID: str(os.getpid()), "PYTHONUNBUFFERED": "1", WORKING_FOLDER_VARIABLE: os.getcwd()}
        options = {option.environment_variable for option in OPTIONS}
        everything = environment_of_children(**ours)
        self._environment = {name: value for name, value in everything.items() if name not in options}
        self._main: subprocess.Popen[bytes] | None = None
        self._is_interrupted = False
        self._code: int | None = None

    def start(self, arguments: Sequence[str], options: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start one Locust with these options.

        A SIGINT that comes while Locust is still loading is kept by the kernel until our part of it can handle it:
        the child inherits the blocked signal, and unblocks it then.
        """
        given = {OPTION[name].environment_variable: text for name, text in options.items()}
        beaten = {LOCUSTS_VARIABLES[name] for name in options if name in LOCUSTS_VARIABLES}
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        child = subprocess.Popen(
            [*LOCUST, "-f", str(SUITE / "locustfile.py"), *arguments],
            cwd=SUITE,  # Locust reads the locust.conf of its working folder, and the user's may be another project's
            env={name: text for name, text in self._environment.items() if name not in beaten} | given,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
        self._children.append(child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        self._leave_if_interrupted()
        return child

    def follow(self, main: subprocess.Popen[bytes]) -> int:
        """Wait for the main process, passing signals on to it; returns its exit code."""
        self._main = main
        self._leave_if_interrupted()
        code = main.wait()
        self._code = code if code in set(ExitCode) else ExitCode.IMPOSSIBLE
        return self._code

    def _pass_on(self, number: int, _frame: object) -> None:
        """A handler that raised could do so while a child is being started, and that child would be left behind."""
        if self._main is None:
            self._is_interrupted = True
        elif self._main.poll() is None:
            self._main.send_signal(number)

    def _leave_if_interrupted(self) -> None:
        """Nothing runs yet: every child that was started ends with this group."""
        if self._is_interrupted:
            raise SystemExit(ExitCode.IMPOSSIBLE)

    def __enter__(self) -> ProcessGroup:
        """From here on signals are ours, and no child inherits a SIGINT that is ignored, as a shell's `&` has it."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_exception: object) -> None:
        has_run = not self._is_interrupted and self._code != ExitCode.IMPOSSIBLE
        by_itself = [lambda child: None] if has_run else []  # else workers wait for a master that never was
        for end in (*by_itself, subprocess.Popen.terminate, subprocess.Popen.kill):
            deadline_s = time.monotonic() + LAST_WAIT_S
            for child in self._children:
                if child.poll() is None:
                    end(child)
            for child in self._children:
                try:
                    child.wait(max(0.0, deadline_s - time.monotonic()))
                except subprocess.TimeoutExpired:
                    continue


def free_port() -> int:
    """A free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_port(port: str) -> None:
    """Raise ConfigError when the web UI could not listen on a port."""
    try:
        with socket.create_server(("127.0.0.1", int(port))):
            pass
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(f"web-port must be a free port; {port!r} cannot be used ({error}).") from error


def launch(options: Mapping[str, str], workers: int, flags: Sequence[str]) -> int:
    """Run Locust with option texts and flags, in one process or as a master and workers; returns the exit code."""
    with ProcessGroup() as group:
        if not workers:
            return group.follow(group.start(flags, options))
        port = str(free_port())
        of_master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        of_master += ["--expect-workers", str(workers), "--expect-workers-max-wait", str(WORKER_WAIT_S)]
        master = group.start([*flags, *of_master], options)
        for _ in range(workers):
            group.start(["--worker", "--master-host", "127.0.0.1", "--master-port", port], {})
        return group.follow(master)
