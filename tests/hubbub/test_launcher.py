"""The launcher: whatever ends it, no child is left."""

import os
import signal
import subprocess
import sys

import pytest

from hubbub.exit_code import ExitCode
from hubbub.launcher import ProcessGroup


@pytest.fixture(autouse=True)
def handlers_are_put_back():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_child_is_started_ends_that_child_too(monkeypatch, number):
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *_arguments, **_options):
            super().__init__([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
            started.append(self)
            os.kill(os.getpid(), number)

    monkeypatch.setattr("hubbub.launcher.subprocess.Popen", Interrupted)
    with pytest.raises(SystemExit) as left, ProcessGroup() as group:
        group.start([], {})
        raise AssertionError("the group went on")
    assert left.value.code == ExitCode.IMPOSSIBLE
    assert [child.poll() is not None for child in started] == [True]


@pytest.fixture
def environment_of_a_child(monkeypatch, tmp_path):
    """The environment in which a child is started with some options."""

    def environment_of_a_child(options):
        found = []

        class Seen(subprocess.Popen):
            def __init__(self, *_arguments, env, **_options):
                found.append(env)
                super().__init__([sys.executable, "-c", ""])

        monkeypatch.setattr("hubbub.launcher.subprocess.Popen", Seen)
        with ProcessGroup() as group:
            group.follow(group.start([], options))
        return found[0]

    return environment_of_a_child


def test_what_is_given_to_us_beats_locusts_variables(environment_of_a_child, monkeypatch):
    monkeypatch.setenv("LOCUST_HOST", "http://prod")
    monkeypatch.setenv("LOCUST_USERS", "500")
    environment = environment_of_a_child({"host": "http://staging"})
    assert "LOCUST_HOST" not in environment
    assert environment["HUBBUB_HOST"] == "http://staging"
    assert environment["LOCUST_USERS"] == "500"


def test_options_of_the_users_environment_reach_no_worker(environment_of_a_child, monkeypatch):
    monkeypatch.setenv("HUBBUB_ACCOUNT_PASSWORD", "hunter2")
    assert "HUBBUB_ACCOUNT_PASSWORD" not in environment_of_a_child({})
