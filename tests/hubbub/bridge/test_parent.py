"""A process that the launcher started ends with it."""

import json
import os
import signal
import time

import pytest

from hubbub.bridge import parent
from hubbub.bridge.parent import Launcher, die_with_launcher
from hubbub.suite import LAUNCHER_PID, LAUNCHER_PIPE


@pytest.fixture
def asked(monkeypatch):
    """What the kernel was asked for, instead of asking it."""
    calls = []
    fake = type("Libc", (), {"prctl": staticmethod(lambda *call: calls.append(call))})
    monkeypatch.setattr(parent.ctypes, "CDLL", lambda _name: fake)
    return calls


def test_without_a_launcher_nothing_is_asked(asked, monkeypatch):
    monkeypatch.delenv(LAUNCHER_PID, raising=False)
    die_with_launcher()
    assert asked == []


def test_the_kernel_is_asked_for_a_signal(asked, monkeypatch):
    monkeypatch.setenv(LAUNCHER_PID, str(os.getppid()))
    die_with_launcher()
    assert asked == [(parent.PR_SET_PDEATHSIG, signal.SIGTERM)]


def test_a_launcher_that_is_gone_already_ends_us(asked, monkeypatch):
    monkeypatch.setenv(LAUNCHER_PID, "1000000000")
    with pytest.raises(SystemExit) as caught:
        die_with_launcher()
    assert caught.value.code == 2


def test_the_launcher_hears_of_the_run(monkeypatch, tmp_path):
    reading, writing = os.pipe()
    monkeypatch.setenv(LAUNCHER_PIPE, str(writing))
    launcher = Launcher()
    assert LAUNCHER_PIPE not in os.environ
    launcher.tell(5, tmp_path, None)
    launcher.tell(None, None, 1)
    said = [json.loads(line) for line in os.read(reading, 1_000).splitlines()]
    assert 0 < said[0].pop("by_s") - time.monotonic() <= 5
    assert said == [{"folder": str(tmp_path), "code": None}, {"by_s": None, "folder": None, "code": 1}]
    os.close(reading)
    launcher.tell(5, tmp_path, None)
    launcher.tell(5, tmp_path, None)
    os.close(writing)


def test_without_a_launcher_nobody_is_told(monkeypatch):
    monkeypatch.delenv(LAUNCHER_PIPE, raising=False)
    Launcher().tell(5, None, None)


def test_a_process_that_ends_by_itself_takes_no_signal(monkeypatch):
    taken = {}
    monkeypatch.setattr(signal, "signal", taken.__setitem__)
    parent.leave_quietly()
    assert taken == {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_IGN}
