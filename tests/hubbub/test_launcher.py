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
