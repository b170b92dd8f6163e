"""The launcher: whatever ends it, no child is left."""

import os
import signal
import subprocess
import sys

import pytest

from hubbub.exit_code import ExitCode
from hubbub.launcher import ProcessGroup
from hubbub.run.recovery import print_report
from tests.twins.run import MemoryRun


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
    with pytest.raises(SystemExit) as left, ProcessGroup({}) as group:
        group.start([], {}, is_main=True)
        raise AssertionError("the group went on")
    assert left.value.code == ExitCode.IMPOSSIBLE
    assert [child.poll() is not None for child in started] == [True]


def test_a_signal_while_python_ends_is_not_the_exit_code():
    with ProcessGroup({}):
        pass
    assert {signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} == {signal.SIG_IGN}


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
        with ProcessGroup({}) as group:
            group.follow(group.start([], options, is_main=True))
        return found[0]

    return environment_of_a_child


def test_no_variable_of_locust_steers_us(environment_of_a_child, monkeypatch):
    for name in ("LOCUST_HOST", "LOCUST_USERS", "LOCUST_TAGS", "LOCUST_HEADLESS"):
        monkeypatch.setenv(name, "1")
    environment = environment_of_a_child({"host": "http://staging"})
    assert not [name for name in environment if name.startswith("LOCUST_")]
    assert environment["HUBBUB_HOST"] == "http://staging"


def test_locust_does_not_look_into_the_home_folder(environment_of_a_child, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    environment = environment_of_a_child({})
    assert environment["HOME"] != str(tmp_path)
    assert environment["HUBBUB_HOME"] == str(tmp_path)


def test_options_of_the_users_environment_reach_no_worker(environment_of_a_child, monkeypatch):
    monkeypatch.setenv("HUBBUB_ACCOUNT_PASSWORD", "hunter2")
    assert "HUBBUB_ACCOUNT_PASSWORD" not in environment_of_a_child({})


TELL = "import json, os, signal, sys, time; fd = int(os.environ['HUBBUB_LAUNCHER_PIPE']);"
SAY = TELL + "os.write(fd, json.dumps({'by_s': time.monotonic() + %s, 'folder': %r}).encode() + b'\\n');"
DEAF = "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN);"
WAIT = "time.sleep(60)"


@pytest.fixture
def run_group(monkeypatch):
    """Follow a main process and workers that run these Python texts; returns the exit code and the children."""
    real = subprocess.Popen

    def run_group(main, *workers, interrupts=0):
        children = []

        class Scripted(real):
            def __init__(self, command, **options):
                script = (main, *workers)[len(children)]
                children.append(self)
                options = {name: options[name] for name in ("env", "stdin", "process_group", "pass_fds")}
                super().__init__([sys.executable, "-c", script], **options)

        monkeypatch.setattr("hubbub.launcher.subprocess.Popen", Scripted)
        with ProcessGroup({}) as group:
            first = group.start([], {}, is_main=True)
            for _ in workers:
                group.start([], {}, is_main=False)
            if interrupts:
                look = group._look_after

                def interrupt(main):
                    group._promises.read()
                    if group._promises.has_begun and len(group._interrupted_s) < interrupts:
                        group._pass_on(signal.SIGINT, None)
                    look(main)

                group._look_after = interrupt
            code = group.follow(first)
        assert all(child.poll() is not None for child in children)
        return code, [child.returncode for child in children]

    return run_group


@pytest.fixture
def quick(monkeypatch):
    for name in ("ASK_S", "KILL_S", "HURRY_S", "CUT_OFF_WAIT_S", "LAST_WAIT_S"):
        monkeypatch.setattr(f"hubbub.launcher.{name}", {"ASK_S": 0.2, "KILL_S": 0.6}.get(name, 0.5))


def test_the_exit_code_is_that_of_the_main_process(run_group):
    assert run_group("raise SystemExit(3)")[0] == 3
    told = TELL + "os.write(fd, json.dumps({'by_s': None, 'folder': None, 'code': 1}).encode() + b'\\n'); sys.exit(1)"
    assert run_group(told)[0] == 1


def test_what_python_itself_ends_with_is_no_verdict(run_group, capsys):
    assert run_group("raise ZeroDivisionError")[0] == ExitCode.IMPOSSIBLE
    assert "the run's process is gone (exit code 1)" in capsys.readouterr().err


def test_a_promise_that_is_broken_is_asked_about(run_group, quick, capsys):
    heed = "signal.signal(signal.SIGINT, lambda *_: sys.exit(3)); signal.pthread_sigmask(1, {signal.SIGINT});"
    code, _ = run_group(SAY.replace("fd = int", heed + "fd = int", 1) % (0.1, "/nowhere") + WAIT)
    assert code == 3
    assert "the run is not over in time; it is asked to end now." in capsys.readouterr().err


def test_a_main_process_that_hears_nothing_is_killed(run_group, quick, capsys):
    code, codes = run_group(SAY.replace("fd = int", DEAF + "fd = int", 1) % (0.1, "/nowhere") + WAIT, WAIT)
    assert (code, codes[0]) == (2, -signal.SIGKILL)
    shown = capsys.readouterr()
    assert "the run's process is gone (killed by SIGKILL)" in shown.err
    assert "there is no journal in /nowhere" in shown.out


def test_a_second_interrupt_ends_one_that_hears_nothing(run_group, quick):
    code, codes = run_group(
        SAY.replace("fd = int", DEAF + "fd = int", 1) % (999, "/nowhere") + WAIT, WAIT, interrupts=2
    )
    assert (code, codes[0]) == (2, -signal.SIGKILL)


def test_a_worker_that_ends_before_the_run_begins_ends_it(run_group, quick, capsys):
    code, codes = run_group("import time; time.sleep(60)", "raise SystemExit(7)")
    assert (code, codes) == (2, [-signal.SIGTERM, 7])
    assert "a worker ended before the run began (exit code 7)" in capsys.readouterr().err


def test_a_worker_that_ends_later_is_the_runs_business(run_group, quick):
    stay = SAY % (999, "/nowhere") + "time.sleep(1); sys.exit(0)"
    assert run_group(stay, "import time; time.sleep(0.3)")[0] == 0


def test_of_a_run_that_was_killed_its_journal_makes_the_report(run_group, quick, tmp_path, capsys):
    run = MemoryRun(tmp_path / "run", message_interval="1s", duration="60s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 4_500_000)
    code, _ = run_group(SAY % (999, str(run.run.path)) + "os.kill(os.getpid(), signal.SIGKILL)")
    run.run.stop()
    assert code == ExitCode.INCONCLUSIVE
    assert "the run was cut off" in capsys.readouterr().out
    assert print_report(run.run.path) == ExitCode.INCONCLUSIVE
