"""Locust's events drive one run after another, and every way out of the process ends the run first."""

import json
import signal

import gevent
import pytest

from hubbub.bridge.runs import Runs
from hubbub.options import resolve
from hubbub.run.inbox import Inbox
from hubbub.run.workers import LocalWorkers
from tests.twins.backend import MemoryBackend, MemoryWorld
from tests.twins.scheduler import FakeScheduler
from users.chatter import Chatter


class Backend:
    stopped = 0

    def stop(self):
        self.stopped += 1


class Bridge:
    """Runs on a Locust environment, with everything behind it in memory."""

    def __init__(self, environment, folder):
        self.environment, self.folder = environment, folder
        self.scheduler = FakeScheduler()
        self.backend = MemoryBackend(self.scheduler)
        self.world = MemoryWorld(self.scheduler, self.backend)
        self.embedded = Backend()
        self.started = 0
        environment.user_classes[:] = [Chatter]
        environment.hubbub_inbox = Inbox(self.world, self.take, lambda *_: None)
        workers = LocalWorkers({"local": environment.hubbub_inbox})
        self.runs = Runs(environment, workers, self.world, self.settings, self.embedded)
        self.runs.listen()

    def take(self, values):
        self.runs.take(values)

    def settings(self, workers):
        self.started += 1
        given = {"host": "http://memory", "clients": "2", "duration": "3s", "message_interval": "1s"}
        given["preflight"] = "off"
        return resolve(given | {"run_dir": str(self.folder / str(self.started))}, workers)

    def start(self):
        self.environment.runner.start(2, 100)

    def until(self, condition):
        self.scheduler.run(condition)

    def summary(self, number=1):
        return json.loads((self.folder / str(number) / "summary.json").read_text())


@pytest.fixture
def exits(monkeypatch):
    """The codes with which the process would have ended at once."""
    codes = []
    monkeypatch.setattr("os._exit", codes.append)
    return codes


@pytest.fixture(autouse=True)
def handlers_are_put_back():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def bridge(environment, tmp_path, monkeypatch):
    monkeypatch.setattr(gevent, "signal_handler", lambda *_: None)
    return Bridge(environment, tmp_path)


def test_a_headless_run_goes_by_itself_to_its_end(bridge, capsys):
    bridge.start()
    bridge.until(lambda: bridge.environment.runner.state == "stopped")
    bridge.environment.events.quitting.fire(environment=bridge.environment)
    bridge.environment.events.quit.fire(exit_code=0)
    assert bridge.environment.process_exit_code == 0
    assert bridge.summary()["verdict"]["result"] == "PASS"
    assert bridge.summary()["messages"]["sent"] == 6
    assert "Verdict: PASS" in capsys.readouterr().out
    assert bridge.embedded.stopped == 1


def test_a_web_ui_has_one_run_after_another(bridge, capsys):
    bridge.environment.web_ui = object()
    for number in (1, 2):
        bridge.start()
        bridge.until(lambda: bridge.environment.runner.state == "stopped")
        assert bridge.summary(number)["messages"]["sent"] == 6
    assert capsys.readouterr().out.count("Verdict: PASS") == 2
    bridge.environment.web_ui = None


def test_the_end_of_an_older_run_does_not_stop_the_present_one(bridge):
    bridge.environment.web_ui = object()
    bridge.start()
    bridge.until(lambda: bridge.runs.elapsed_us > 0)
    bridge.runs.finish("an older one")
    assert bridge.environment.runner.state in ("spawning", "running")
    bridge.until(lambda: bridge.environment.runner.state == "stopped")
    assert bridge.summary()["messages"]["sent"] == 6
    bridge.environment.web_ui = None


def test_a_run_that_cannot_be_made_ends_the_test_with_2(bridge, capsys):
    bridge.backend.is_up = False
    bridge.start()
    bridge.until(lambda: bridge.environment.runner.state == "stopped")
    bridge.environment.events.quit.fire(exit_code=2)
    assert bridge.environment.process_exit_code == 2
    assert "no backend answers" in capsys.readouterr().out
    assert bridge.runs.elapsed_us == 0


def test_ctrl_c_ends_the_run_and_the_second_one_hurries(bridge, capsys, exits):
    bridge.start()
    bridge.until(lambda: bridge.runs.elapsed_us > 1_500_000)
    first = gevent.spawn(bridge.runs._on_interrupt)
    gevent.sleep(0)
    before_us = bridge.scheduler.now_us()
    second = gevent.spawn(bridge.runs._on_interrupt)
    bridge.until(lambda: first.ready() and second.ready())
    shown = capsys.readouterr()
    assert "press Ctrl-C again" in shown.err
    assert shown.out.count("Verdict: INCONCLUSIVE") == 1
    assert (exits, bridge.summary()["verdict"]["exit_code"]) == ([3], 3)
    assert bridge.scheduler.now_us() - before_us <= 1_500_000


def test_ctrl_c_while_a_run_is_prepared_ends_it_without_spawning(bridge, capsys):
    bridge.backend.request = lambda *_: bridge.scheduler.sleep(3_600)
    bridge.start()
    bridge.scheduler.advance(1)
    gevent.spawn(bridge.runs._on_interrupt)
    bridge.until(lambda: bridge.environment.runner.state == "stopped")
    bridge.environment.events.quit.fire(exit_code=2)
    assert "the run was interrupted; nothing was measured." in capsys.readouterr().out
    assert (bridge.environment.process_exit_code, bridge.environment.runner.user_count) == (2, 0)


def test_a_locust_that_does_not_quit_is_left(bridge, capsys, exits, monkeypatch):
    monkeypatch.setattr(bridge.environment.runner, "quit", lambda: None)
    bridge.start()
    bridge.until(lambda: exits)
    assert exits == [0]
    assert capsys.readouterr().out.count("Verdict: PASS") == 1


def test_a_stop_from_outside_ends_the_run_and_then_the_process(bridge):
    bridge.start()
    bridge.until(lambda: bridge.runs.elapsed_us > 1_500_000)
    quits = []
    quit = bridge.environment.runner.quit
    bridge.environment.runner.quit = lambda: (quits.append(bridge.environment.runner.state), quit())
    gevent.spawn(bridge.environment.runner.stop)
    bridge.until(lambda: quits)
    bridge.environment.runner.quit = quit
    assert quits == ["stopped"]
    assert bridge.summary()["verdict"]["reasons"][0]["text"] == "the run was stopped before its end"


def test_quitting_ends_the_run_first(bridge):
    bridge.start()
    bridge.until(lambda: bridge.runs.elapsed_us > 1_500_000)
    gevent.spawn(bridge.environment.events.quitting.fire, environment=bridge.environment)
    bridge.until(lambda: bridge.environment.process_exit_code is not None)
    assert bridge.summary()["verdict"]["reasons"][0]["text"] == "the run was interrupted"


def test_a_process_that_measured_nothing_has_code_2_and_a_web_ui_0(bridge):
    bridge.environment.process_exit_code = None
    bridge.environment.events.quitting.fire(environment=bridge.environment)
    assert bridge.environment.process_exit_code == 2
    bridge.environment.process_exit_code = None
    bridge.environment.web_ui = object()
    bridge.environment.events.quitting.fire(environment=bridge.environment)
    assert bridge.environment.process_exit_code == 0
    bridge.environment.web_ui = None


def test_reports_without_a_run_are_ignored(bridge):
    bridge.runs.take({"run": "r"})
