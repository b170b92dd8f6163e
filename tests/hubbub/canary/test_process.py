"""The canary's process, seen from the run: whatever it says, the run ends."""

import io
import subprocess
import sys

import pytest

from hubbub.canary import process as module
from hubbub.canary.process import CanaryProcess, NoCanary, start_canary, without_proxies
from tests.hubbub.canary.test_task import task


@pytest.fixture
def speaking(monkeypatch):
    """Canaries that run a script instead."""
    started = []

    def speaking(script):
        really_start = subprocess.Popen

        def start(_command, **how):
            started.append(really_start([sys.executable, "-c", script], **how))
            return started[-1]

        monkeypatch.setattr(module.subprocess, "Popen", start)
        return start_canary(task())

    yield speaking
    for each in started:
        each.kill()
        each.wait()


READY = "print('{\"ready\": true}', flush=True); import sys; sys.stdin.read();"


def finish(canary):
    canary._lines.join()
    return canary.finish()


def test_it_says_what_it_saw(speaking):
    canary = speaking("input();" + READY + "print('{\"received\": 3}')")
    canary._process.stdin.close()
    canary._lines.join()
    assert canary.is_ready
    canary._process.stdin = io.StringIO()
    assert canary.finish() == ({"received": 3}, "")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ('print(\'{"problem": "ConnectError: refused"}\')', "ConnectError: refused"),
        ("print('what?')", "it said 'what?'"),
        ("", "it said ''"),
    ],
)
def test_what_went_wrong_is_the_problem(speaking, script, problem):
    assert finish(speaking("input();" + script)) == (None, problem)


def test_one_that_never_joins_is_not_waited_for(speaking):
    canary = speaking("import time; time.sleep(100)")
    canary._lines.kill()
    assert not canary.is_ready
    assert canary.finish() == (None, "it did not join in time")
    assert canary._process.poll() is not None


def test_one_that_says_nothing_in_the_end_is_given_up(speaking, monkeypatch):
    monkeypatch.setattr(module, "END_TIMEOUT_S", 0.01)
    canary = speaking("import time; time.sleep(100)")
    canary._lines.kill()
    canary._first.set({"ready": True})
    assert canary.finish() == (None, "it did not say what it saw")


def test_a_run_without_a_canary_waits_for_none():
    assert NoCanary().is_ready
    assert NoCanary().finish() == (None, "")
    assert not NoCanary.is_asked_for
    assert CanaryProcess.is_asked_for


def test_its_environment_names_no_proxy():
    assert without_proxies({"HTTP_PROXY": "x", "all_proxy": "y", "PATH": "z"}) == {"PATH": "z"}
