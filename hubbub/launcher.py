"""Runs Locust: one process, or a master and its workers, each in a process group of its own, so that Ctrl-C reaches the
master once and through us. They end with us, however we end.

Options travel in the environment of the process that owns the run, which checks them. Secrets are then in no command
line, and workers, which get their settings from the master, have none of them.
"""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hubbub.errors import ConfigError
from hubbub.exit_code import ExitCode
from hubbub.options import OPTION, OPTIONS
from hubbub.suite import (
    HOME,
    LAUNCHER_PID,
    LAUNCHER_PIPE,
    SOURCES,
    SUITE,
    WORKING_FOLDER_VARIABLE,
    environment_of_children,
)

LOCUST = (sys.executable, "-m", "locust")
WORKER_WAIT_S = 60
"""How long a master waits for its workers: a machine where all of them start at once is busy for a while."""

LOOK_S = 0.1
"""How often the launcher looks after its children."""

LAST_WAIT_S = 10.0
"""How long workers may take to end by themselves after a run, and after SIGTERM."""

LEAVE_S = 1.5
"""How long when the run could not be made: some may never have met their master."""

CUT_OFF_WAIT_S = 3.0
"""How long they may take after SIGTERM when there is nobody any more whom they could report to."""

ASK_S, KILL_S = 2.0, 7.0
"""So long after its promise the main process is asked to end, and then it is killed."""

HURRY_S = 1.8
"""So long after a second Ctrl-C it is killed."""

LOCUSTS_VARIABLES = "LOCUST_"
"""What variables that steer Locust begin with: they are for plain `locust`, and steer nothing here."""


class Promises:
    """What the main process says on a pipe: by when its run is over, and where its results are."""

    def __init__(self) -> None:
        self.by_s: float | None = None
        self.folder: Path | None = None
        self.has_begun = False
        self.code: int | None = None
        """Of the verdict, once there is one."""
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._rest = b""

    def read(self) -> None:
        """Take what has come."""
        try:
            data = self._rest + os.read(self._reading, 65_536)
        except BlockingIOError:
            return
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            said = json.loads(line)
            self.by_s = said["by_s"]
            self.code = said.get("code")
            if said["folder"]:
                self.folder, self.has_begun = Path(said["folder"]), True


class ProcessGroup:
    """The processes of one run. Use as a context: on leaving it, none is left."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._children: list[subprocess.Popen[bytes]] = []
        self._promises = Promises()
        ours = {
            LAUNCHER_PID: str(os.getpid()),
            WORKING_FOLDER_VARIABLE: os.getcwd(),
            SOURCES: json.dumps(dict(sources)),
            HOME: os.environ.get("HOME", ""),
            "HOME": str(SUITE),  # Locust reads a file of the home folder, which may be for other projects
            "PYTHONUNBUFFERED": "1",
        }
        options = {option.environment_variable for option in OPTIONS}
        everything = environment_of_children(**ours)
        self._environment = {
            name: value
            for name, value in everything.items()
            if name not in options and not name.startswith(LOCUSTS_VARIABLES)
        }
        self._main: subprocess.Popen[bytes] | None = None
        self._interrupted_s: list[float] = []
        self._code: int | None = None
        self._was_killed = False
        self._was_told = False

    def start(self, arguments: Sequence[str], options: Mapping[str, str], is_main: bool) -> subprocess.Popen[bytes]:
        """Start one Locust with these options. The main one owns the run.

        A SIGINT that comes while Locust is still loading is kept by the kernel until our part of it can handle it:
        the child inherits the blocked signal, and unblocks it then.
        """
        given = {OPTION[name].environment_variable: text for name, text in options.items()}
        if is_main:
            given[LAUNCHER_PIPE] = str(self._promises.writing)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        child = subprocess.Popen(
            [*LOCUST, "-f", str(SUITE / "locustfile.py"), *arguments],
            cwd=SUITE,  # Locust reads the locust.conf of its working folder, and the user's may be another project's
            env=self._environment | given,
            stdin=subprocess.DEVNULL,
            process_group=0,
            pass_fds=(self._promises.writing,) if is_main else (),
        )
        self._children.append(child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        self._leave_if_interrupted()
        return child

    def follow(self, main: subprocess.Popen[bytes]) -> int:
        """Wait for the main process, passing signals on to it, and hold it to its promises; returns the exit code."""
        self._main = main
        self._leave_if_interrupted()
        while main.poll() is None:
            self._promises.read()
            self._look_after(main)
            with suppress(subprocess.TimeoutExpired):
                main.wait(LOOK_S)
        self._promises.read()
        # Python itself ends with 1, which is a verdict only where the run said so
        is_verdict = main.returncode in set(ExitCode) - {ExitCode.FAIL} or main.returncode == self._promises.code
        self._code = main.returncode if is_verdict else self._report()
        return self._code

    def _look_after(self, main: subprocess.Popen[bytes]) -> None:
        """End the main process where it breaks its promise, or where its run can never begin."""
        late_s = time.monotonic() - (self._promises.by_s or math.inf)
        hurried_s = time.monotonic() - self._interrupted_s[1] if len(self._interrupted_s) > 1 else 0.0
        if late_s > KILL_S or hurried_s > HURRY_S:
            main.kill()
        elif late_s > ASK_S:
            self._tell(main, signal.SIGINT, "the run is not over in time; it is asked to end now.")
        elif not self._promises.has_begun and not self._interrupted_s:
            ended = next((child.returncode for child in self._children if child.poll() is not None), None)
            if ended is not None:
                self._tell(main, signal.SIGTERM, f"a worker ended before the run began ({_how(ended)}).")

    def _tell(self, main: subprocess.Popen[bytes], number: signal.Signals, why: str) -> None:
        if not self._was_told:
            self._was_told = True
            print(f"hubbub: {why}", file=sys.stderr, flush=True)
            main.send_signal(number)

    def _report(self) -> int:
        """The main process was killed, or died: what its workers had reported is in its folder."""
        self._was_killed = True
        assert self._main is not None
        print(f"hubbub: the run's process is gone ({_how(self._main.returncode)}).", file=sys.stderr, flush=True)
        if self._promises.folder is None:
            return ExitCode.IMPOSSIBLE
        from hubbub.run.recovery import print_report  # noqa: PLC0415 - a third of a second that most runs need not wait

        return print_report(self._promises.folder)

    def _pass_on(self, number: int, _frame: object) -> None:
        """A handler that raised could do so while a child is being started, and that child would be left behind."""
        self._interrupted_s.append(time.monotonic())
        if self._main is not None and self._main.poll() is None:
            self._main.send_signal(number)

    def _leave_if_interrupted(self) -> None:
        """Nothing runs yet: every child that was started ends with this group."""
        if self._interrupted_s:
            raise SystemExit(ExitCode.IMPOSSIBLE)

    def __enter__(self) -> ProcessGroup:
        """From here on signals are ours, and no child inherits a SIGINT that is ignored, as a shell's `&` has it."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_exception: object) -> None:
        """Workers of a run that was judged end by themselves; others wait for a master that is not there."""
        ways: list[tuple[Callable[[subprocess.Popen[bytes]], None], float]] = [
            (lambda child: child.terminate(), CUT_OFF_WAIT_S),
            (lambda child: child.kill(), LAST_WAIT_S),
        ]
        if self._code is not None and not self._was_killed and not self._interrupted_s:
            # a worker that is told to stop while it ends anyway says so with a traceback
            ways = [(lambda child: None, LEAVE_S if self._code == ExitCode.IMPOSSIBLE else LAST_WAIT_S), *ways]
        for end, wait_s in ways:
            deadline_s = time.monotonic() + wait_s
            for child in self._children:
                if child.poll() is None:
                    end(child)
            for child in self._children:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(max(0.0, deadline_s - time.monotonic()))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # Python drops handlers as it ends; one more Ctrl-C would be the code


def _how(code: int) -> str:
    """How a process ended."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


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


def launch(options: Mapping[str, str], workers: int, flags: Sequence[str], sources: Mapping[str, str]) -> int:
    """Run Locust with option texts and flags, in one process or as a master and workers; returns the exit code.

    `sources` says who gave each option.
    """
    with ProcessGroup(sources) as group:
        if not workers:
            return group.follow(group.start(flags, options, is_main=True))
        print(f"hubbub: a master and {workers} worker(s) start", file=sys.stderr, flush=True)
        port = str(free_port())
        of_master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        of_master += ["--expect-workers", str(workers), "--expect-workers-max-wait", str(WORKER_WAIT_S)]
        master = group.start([*flags, *of_master], options, is_main=True)
        for _ in range(workers):
            group.start(["--worker", "--master-host", "127.0.0.1", "--master-port", port], {}, is_main=False)
        return group.follow(master)
