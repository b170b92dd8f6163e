"""Fixtures that start the real thing, and end it."""

import json
import os
import sys

import pytest

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"
import locust  # noqa: F401 - without patching the test process

del os.environ["LOCUST_SKIP_MONKEY_PATCH"]  # real processes are tested as they are

import tests.effort  # noqa: F401 - sets how many examples a property test tries
from tests.support import Backend, Program


@pytest.fixture
def start(tmp_path):
    """Start a program; it is ended after the test."""
    programs = []

    def start(*arguments, **how):
        programs.append(Program([str(argument) for argument in arguments], tmp_path, **how))
        return programs[-1]

    yield start
    for program in programs:
        program.end()


@pytest.fixture
def hubbub(start, tmp_path):
    """Start `python -m hubbub COMMAND`, with its results in tmp_path/run, and a drain that is short where it may be."""

    def hubbub(command, *arguments, env=None):
        own = {"--run-dir": tmp_path / "run", "--drain-quiet": "500ms"} if command != "ui" else {}
        options = [part for flag, value in own.items() if flag not in arguments for part in (flag, value)]
        return start(sys.executable, "-m", "hubbub", command, *options, *arguments, env=env)

    return hubbub


@pytest.fixture
def summary(tmp_path):
    """Read the run's summary.json."""
    return lambda: json.loads((tmp_path / "run" / "summary.json").read_text())


@pytest.fixture
def start_backend(start):
    """Start the embedded backend with options."""
    return lambda *options: Backend(start(sys.executable, "-m", "backend", "--port", "0", *options))
