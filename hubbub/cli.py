"""`hubbub COMMAND`: reads the command line, and has the exact exit codes. Options are checked where a run is made."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hubbub.errors import ConfigError, HubbubError
from hubbub.exit_code import ExitCode
from hubbub.launcher import check_port, launch
from hubbub.option_kinds import UNTIL_STOPPED
from hubbub.options import OPTION, OPTIONS, defaults, profile_options, resolve
from hubbub.report.figures import FIGURES, SERIES
from hubbub.report.listing import list_runs
from hubbub.spelling import did_you_mean
from hubbub.suite import ROOT, SUITE, SUITE_FILES, SUITE_FOLDERS
from hubbub.synonyms import DOTENV, environment_text, read_dotenv
from hubbub.version import __version__

COMMANDS = {
    "perf-ws": "run a load test to its end; without --host against the embedded backend",
    "ui": "Locust's web UI on 127.0.0.1:8089, with the embedded backend unless --host is given",
    "swarm": "like perf-ws, as a master and worker processes (two unless --workers says otherwise)",
    "try": "two accounts, two connections, one message: show how a contract takes what a backend says",
    "learn": "propose a contract in TOML from what a browser saved of two people chatting (a HAR file)",
    "report": "print the report of a run from its folder; of one that was cut off it is made from the journal",
    "runs": "list the runs in a folder (default: ./runs) with their verdicts",
    "options": "print the table of options as Markdown",
    "figures": "print the table of figures as Markdown",
    "init": "copy the users, shapes, conf and locustfile into a folder, as a start of one's own",
}
WEB_PORT = "8089"
MAX_CAPTURE_BYTES = 256 << 20

PACKAGES, SOURCES = ("hubbub", "backend"), ".hubbub"
"""What an image is built from, and where `init` puts it: docker-compose reads the folder's name from .env."""

IGNORED = shutil.ignore_patterns("__pycache__", "suite")


class Parser(argparse.ArgumentParser):
    """Says what may have been meant by a flag or a command that there is not."""

    def error(self, message: str) -> NoReturn:
        found = re.search(r"unrecognized arguments: (-\S+)|invalid choice: '([^']*)'", message)
        meant = ""
        if found is not None:
            flag = (found[1] or "").partition("=")[0]
            meant = did_you_mean(flag or found[2], self.known_flags if flag else COMMANDS)
        super().error(message + meant)

    @property
    def known_flags(self) -> list[str]:
        """Those of all commands."""
        return [option.flag for option in OPTIONS]


def build_parser() -> argparse.ArgumentParser:
    """The command line. Every option is text here."""
    parser = Parser(prog="hubbub", description="The load test for chat backends.")
    parser.add_argument("--version", action="version", version=f"hubbub {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == "init":
            command.add_argument("folder", metavar="DIR", help="the folder, empty or absent")
        if name == "runs":
            command.add_argument("folder", metavar="DIR", nargs="?", default="runs", help="the folder, default ./runs")
        if name == "report":
            command.add_argument("folder", metavar="RUN_DIR", help="the folder of a run")
        if name == "learn":
            command.add_argument("capture", metavar="CAPTURE.har", help="Chrome: Network, Export HAR")
        if name in PRINTED or name in WITH_FOLDER:
            continue
        for option in OPTIONS:
            flags = [option.flag, "--profile"] if option.name == "run_profile" else [option.flag]
            shown = option.help.replace("%", "%%") + (f" (default: {option.default})" if option.default else "")
            how: dict[str, Any] = {"action": "append", "metavar": option.metavar}
            if option.is_switch:
                how = {"action": "append_const", "const": "true"}
            command.add_argument(*flags, dest=option.name, help=shown, **how)
        if name == "try":
            command.add_argument(
                "--frames", metavar="FILE", help="read frames from a file, a line each, and no backend"
            )
            continue
        command.add_argument("--web-port", default=WEB_PORT, help=f"port of the web UI (default: {WEB_PORT})")
    return parser


def given_options(
    arguments: argparse.Namespace, environment: Mapping[str, str], dotenv: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The texts of the options that the user set, and where: the command line beats the environment, that `.env`.

    Paths are made absolute. Raises ConfigError.
    """
    given: dict[str, str] = {}
    sources: dict[str, str] = {}
    for option in OPTIONS:
        texts = [option.cleaned(text) for text in getattr(arguments, option.name) or ()]
        if not all(texts):
            raise ConfigError(f"{option.label} was given without a value; give one or leave it out.")
        text, source = option.joined(texts), "command line"
        for place, variables in (("environment", environment), (DOTENV, dotenv)):
            if not text:
                text, variable = environment_text(option.name, variables)
                source = f"{place} {variable}"
        if text:
            if option.folder and text.startswith("~"):
                text = os.path.expanduser(text)  # before the home folder is hidden
            given[option.name] = str(option.file(text) or Path(text).absolute()) if option.is_path else text
            sources[option.name] = source
    return given, sources


def run(command: str, arguments: argparse.Namespace) -> int:
    """Run a load test; returns the exit code. Raises ConfigError for what Locust could not be started with."""
    given, sources = given_options(arguments, os.environ, read_dotenv(Path.cwd()))
    profile = profile_options(given.get("run_profile", ""))
    texts = defaults() | profile | ({"workers": "2"} if command == "swarm" else {}) | given
    workers = OPTION["workers"].value(texts["workers"])
    flags = ["--profile", given["run_profile"]] if "run_profile" in given else []
    if command == "ui":
        check_port(arguments.web_port)
        flags += ["--web-host", "127.0.0.1", "--web-port", arguments.web_port]
    else:
        if texts["duration"] == UNTIL_STOPPED:
            raise ConfigError(f"duration must be a time here: {UNTIL_STOPPED} is for the web UI.")
        flags += ["--headless"]
        given["duration"] = texts["duration"]
    for name in ("clients", "spawn_rate"):  # a file of Locust's own may set them for other projects
        given[name] = texts[name]
    return launch(given, workers, flags, sources)


def try_contract(arguments: argparse.Namespace) -> int:
    """Show how a contract takes what a backend says; returns the exit code. Raises HubbubError."""
    from hubbub.contracts import load_contract  # noqa: PLC0415 - a run's parent needs none of these
    from hubbub.run.shown import Shown  # noqa: PLC0415
    from hubbub.run.tryout import Tryout, read_frames  # noqa: PLC0415
    from hubbub.run.world import RealWorld  # noqa: PLC0415

    given, sources = given_options(arguments, os.environ, read_dotenv(Path.cwd()))
    settings = resolve({"clients": "2"} | given, sources=sources)
    if arguments.frames:
        contract = load_contract(settings.contract, settings.delivery_type, settings.contract_settings)
        read_frames(contract, Path(arguments.frames), Shown())
        return ExitCode.PASS
    if not settings.host:
        raise ConfigError("try needs a backend: give --host, or --frames FILE.")
    return ExitCode.PASS if Tryout(settings, RealWorld(), Shown()).run() else ExitCode.FAIL


def learn_contract(path: Path) -> None:
    """Print a contract that a capture makes likely. Raises ConfigError."""
    from hubbub.contracts.learning import learn  # noqa: PLC0415 - a run needs none of it

    try:
        if path.stat().st_size > MAX_CAPTURE_BYTES:
            raise ConfigError(f"{path} is longer than {MAX_CAPTURE_BYTES >> 20} MiB: save less.")
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is no HAR: it is not JSON ({error}).") from error
    print(learn(values))


def print_options() -> None:
    """The table of options for the README."""
    print("| option | environment | default | what it is |\n|---|---|---|---|")
    for option in OPTIONS:
        default = f"`{option.default}`" if option.default else ""
        text = option.help + (f": {', '.join(option.choices())}" if option.choices else "")
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
            if (SUITE / name).exists():  # a suite of one's own may have no containers
                shutil.copy(SUITE / name, folder)
        for name in SUITE_FOLDERS:
            shutil.copytree(SUITE / name, folder / name, ignore=IGNORED)
        for name in PACKAGES:
            shutil.copytree(ROOT / name, folder / SOURCES / name, ignore=IGNORED)
        (folder / ".env").write_text(f"HUBBUB_SOURCE={SOURCES}\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"init cannot write to {folder} ({error.strerror}).") from error
    print(f"hubbub: {folder} is a suite of your own (users, shapes, conf, compose): run hubbub there, and change it.")


WITH_FOLDER = ("init", "report", "learn", "runs")
PRINTED = {"options": print_options, "figures": print_figures}
"""Commands that print something and run nothing."""


def _dispatch(arguments: argparse.Namespace) -> int:
    """Do what a command says; returns the exit code. Raises HubbubError."""
    command = arguments.command
    if command == "report":
        from hubbub.run.recovery import print_report  # noqa: PLC0415 - it takes longer than all other imports

        return print_report(Path(arguments.folder))
    if command == "try":
        return try_contract(arguments)
    if command == "runs":
        print(list_runs(Path(arguments.folder)))
        return ExitCode.PASS
    if command in ("init", "learn"):
        start_suite(Path(arguments.folder)) if command == "init" else learn_contract(Path(arguments.capture))
        return ExitCode.PASS
    return run(command, arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """The whole program; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    if arguments.command in PRINTED:
        PRINTED[arguments.command]()
        return 0
    try:
        return int(_dispatch(arguments))
    except HubbubError as error:
        print(f"hubbub: {error}", file=sys.stderr)
        return ExitCode.IMPOSSIBLE
