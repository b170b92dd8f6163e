"""`python -m hubbub COMMAND`: checks the options, then runs Locust with them, and has the exact exit codes.

Owns the processes: one Locust, or a master and its workers, each in a process group of its own, so that Ctrl-C
reaches the master once and through us. They end with us, however we end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from hubbub import __version__
from hubbub.clock import format_duration
from hubbub.config import OPTION, OPTIONS, Settings, resolve
from hubbub.errors import ConfigError, HubbubError
from hubbub.exit_code import ExitCode
from hubbub.report.figures import FIGURES, SERIES
from hubbub.suite import SUITE, SUITE_FILES, SUITE_FOLDERS, WORKING_FOLDER_VARIABLE, environment_of_children

LAUNCHER_PID = "HUBBUB_LAUNCHER_PID"
LOCUST = (sys.executable, "-m", "locust")
WORKER_WAIT_S = 60
LAST_WAIT_S = 10.0
COMMANDS = {
    "perf-ws": "run a load test to its end; without --host against the embedded backend",
    "ui": "Locust's web UI on 127.0.0.1:8089, with the embedded backend unless --host is given",
    "swarm": "like perf-ws, as a master and worker processes (two unless --workers says otherwise)",
    "options": "print the table of options as Markdown",
    "figures": "print the table of figures as Markdown",
    "init": "copy the users, shapes, conf and locustfile into a folder, as a start of one's own",
}
NOT_PASSED_ON = ("workers", "duration")
"""Locust is told its role by its own flags; and without a duration a run in its web UI goes on until it is stopped."""

PATHS = ("accounts", "ca", "run_dir")
WEB_PORT = "8089"


def build_parser() -> argparse.ArgumentParser:
    """The command line. Every option is text here; `resolve` checks them all in one place."""
    parser = argparse.ArgumentParser(prog="hubbub", description="The load test for chat backends.")
    parser.add_argument("--version", action="version", version=f"hubbub {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == "init":
            command.add_argument("folder", metavar="DIR", help="the folder, empty or absent")
        if name in PRINTED or name == "init":
            continue
        for option in OPTIONS:
            flags = [option.flag, "--profile"] if option.name == "run_profile" else [option.flag]
            shown = option.help.replace("%", "%%") + (f" (default: {option.default})" if option.default else "")
            if option.is_switch:
                command.add_argument(*flags, dest=option.name, action="store_const", const="true", help=shown)
            else:
                command.add_argument(*flags, dest=option.name, metavar=option.metavar, help=shown)
        command.add_argument("--web-port", default=WEB_PORT, help=f"port of the web UI (default: {WEB_PORT})")
    return parser


def given_options(arguments: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, str]:
    """What the user set: the command line beats the environment. Paths are made absolute."""
    given: dict[str, str] = {}
    for option in OPTIONS:
        value = getattr(arguments, option.name)
        if value is None:
            value = environment.get(option.environment_variable, "")
        elif value == "":
            raise ConfigError(f"{option.flag.lstrip('-')} was given without a value; give one or leave it out.")
        given[option.name] = str(Path(value).absolute()) if value and option.name in PATHS else value
    return given


def locust_arguments(given: Mapping[str, str], settings: Settings) -> list[str]:
    """Locust's command line for these options: only what was set, and what Locust has defaults of its own for."""
    arguments = ["--users", str(settings.clients), "--spawn-rate", f"{settings.spawn_rate:g}"]
    for option in OPTIONS:
        value = given[option.name]
        if option.locust_flag == "--host" and value:
            arguments += ["--host", settings.host]
        elif option.locust_flag or option.name in NOT_PASSED_ON or not value:
            continue
        elif option.is_switch:
            arguments += [option.flag] if getattr(settings, option.name) else []
        elif not option.is_secret:
            arguments.append(f"{option.flag}={value}")
    if settings.run_profile:
        arguments += ["--profile", settings.run_profile]
    return arguments


class Family:
    """The processes of one run. Use as a context: on leaving it, none is left."""

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[bytes]] = []
        ours = {LAUNCHER_PID: str(os.getpid()), "PYTHONUNBUFFERED": "1", WORKING_FOLDER_VARIABLE: os.getcwd()}
        self._environment = environment_of_children(**ours)
        self._main: subprocess.Popen[bytes] | None = None
        self._is_interrupted = False

    def start(self, arguments: Sequence[str], secrets: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start one Locust. Secrets go by its environment, where other users of the machine do not see them.

        A SIGINT that comes while Locust is still loading is kept by the kernel until our part of it can handle it:
        the child inherits the blocked signal, and unblocks it then.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        child = subprocess.Popen(
            [*LOCUST, "-f", str(SUITE / "locustfile.py"), *arguments],
            cwd=SUITE,  # Locust reads the locust.conf of its working folder, and the user's may be another project's
            env=self._environment | dict(secrets),
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
        return code if code in set(ExitCode) else ExitCode.IMPOSSIBLE

    def _pass_on(self, number: int, _frame: object) -> None:
        """A handler that raised could do so while a child is being started, and nobody would know of that child."""
        if self._main is None:
            self._is_interrupted = True
        elif self._main.poll() is None:
            self._main.send_signal(number)

    def _leave_if_interrupted(self) -> None:
        """Nothing runs yet: every child that was started ends with this family."""
        if self._is_interrupted:
            raise SystemExit(ExitCode.IMPOSSIBLE)

    def __enter__(self) -> Family:
        """From here on signals are ours, and no child inherits a SIGINT that is ignored, as a shell's `&` has it."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_exception: object) -> None:
        by_itself = [] if self._is_interrupted else [lambda child: None]
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
    """A port of the loopback interface that nobody listens on."""
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


def run(command: str, arguments: argparse.Namespace) -> int:
    """Run a command; returns the exit code. Raises ConfigError."""
    given = given_options(arguments, os.environ)
    if command == "swarm" and not given["workers"]:
        given["workers"] = "2"
    settings = resolve(given)
    secrets = (
        {OPTION["account_password"].environment_variable: given["account_password"]}
        if given["account_password"]
        else {}
    )
    flags = locust_arguments(given, settings)
    if command == "ui":
        check_port(arguments.web_port)
        flags += ["--web-host", "127.0.0.1", "--web-port", arguments.web_port]
        flags += [f"--duration={given['duration']}"] if given["duration"] else []
    else:
        flags += ["--headless", f"--duration={format_duration(settings.duration_us or 0)}"]
    with Family() as family:
        if not settings.workers:
            return family.follow(family.start(flags, secrets))
        port = str(free_port())
        flags += ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        flags += ["--expect-workers", str(settings.workers), "--expect-workers-max-wait", str(WORKER_WAIT_S)]
        master = family.start(flags, secrets)
        for _ in range(settings.workers):
            family.start(["--worker", "--master-host", "127.0.0.1", "--master-port", port], {})
        return family.follow(master)


def print_options() -> None:
    """The table of options for the README."""
    print("| option | environment | default | what it is |\n|---|---|---|---|")
    for option in OPTIONS:
        default = f"`{option.default}`" if option.default else ""
        text = option.help + (f": {', '.join(option.choices)}" if option.choices else "")
        print(f"| `{option.flag}` | `{option.environment_variable}` | {default} | {text} |")


def print_figures() -> None:
    """The table of figures for docs/slo.md."""
    print("| figure | what it is |\n|---|---|")
    for series in SERIES:
        print(f"| `{series.name}.<percentile>`, `.count`, `.min`, `.max` | {series.help} |")
    for figure in FIGURES:
        print(f"| `{figure.key}` | {figure.help} |")


def start_suite(folder: Path) -> None:
    """Copy the suite as a start of one's own: `hubbub` uses it where it is run. Raises ConfigError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"init needs an empty or absent folder, and {folder} has files in it.")
        for name in SUITE_FILES:
            shutil.copy(SUITE / name, folder)
        for name in SUITE_FOLDERS:
            shutil.copytree(SUITE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    except OSError as error:
        raise ConfigError(f"init cannot write to {folder} ({error.strerror}).") from error
    print(f"hubbub: {folder} has a locustfile, users, shapes and conf; run hubbub there, and change what you like.")


PRINTED = {"options": print_options, "figures": print_figures}
"""Commands that print something and run nothing."""


def main(argv: Sequence[str] | None = None) -> int:
    """The whole program; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    if arguments.command in PRINTED:
        PRINTED[arguments.command]()
        return 0
    try:
        if arguments.command == "init":
            start_suite(Path(arguments.folder))
            return ExitCode.PASS
        return run(arguments.command, arguments)
    except HubbubError as error:
        print(f"hubbub: {error}", file=sys.stderr)
        return ExitCode.IMPOSSIBLE


if __name__ == "__main__":
    sys.exit(main())
