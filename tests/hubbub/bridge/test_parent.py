"""A process that the launcher started ends with it."""

import os
import signal

import pytest

from hubbub.bridge import parent
from hubbub.bridge.parent import die_with_launcher
from hubbub.suite import LAUNCHER_PID


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
