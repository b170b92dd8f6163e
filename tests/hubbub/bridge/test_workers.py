"""Workers in other processes are reached through Locust's master."""

from types import SimpleNamespace

import gevent
import pytest
from locust.dispatch import UsersDispatcher
from locust.event import Events
from locust.runners import WorkerNode

from hubbub.bridge.workers import DistributedWorkers, SteadyDispatcher, await_workers, connected_inbox, phase_rows
from hubbub.contracts import Phase
from hubbub.run.messages import REPORT, TO_WORKER
from tests.twins.backend import MemoryBackend, MemoryWorld
from tests.twins.scheduler import FakeScheduler


class Runner:
    def __init__(self):
        self.sent, self.listeners = [], {}
        nodes = [SimpleNamespace(id="a", state="ready"), SimpleNamespace(id="b", state="missing")]
        self.clients = SimpleNamespace(all=nodes)

    def send_message(self, *message):
        self.sent.append(message)

    def register_message(self, kind, listener):
        self.listeners[kind] = listener


def test_who_is_missing_is_not_present():
    runner = Runner()
    workers = DistributedWorkers(runner)
    assert workers.present() == ["a"]
    workers.send("a", "go", {"x": 1})
    assert runner.sent == [("go", {"x": 1}, "a")]
    assert workers.is_distributed


def test_an_inbox_gets_the_masters_messages_and_reports_to_it():
    scheduler = FakeScheduler()
    runner = Runner()
    environment = SimpleNamespace(runner=runner, events=Events())
    inbox = connected_inbox(environment, MemoryWorld(scheduler, MemoryBackend(scheduler)))
    assert set(runner.listeners) == set(TO_WORKER)
    taken = []
    inbox.take = lambda kind, values: taken.append((kind, values))
    for kind in TO_WORKER:
        runner.listeners[kind](msg=SimpleNamespace(data={"run": "r"}), environment=environment)
    assert taken == [(kind, {"run": "r"}) for kind in TO_WORKER]
    inbox._send({"run": "r"})
    assert runner.sent == [(REPORT, {"run": "r"})]


def test_phases_are_rows_of_locusts_tables(environment):
    seen = []
    environment.events.request.add_listener(lambda **request: seen.append(request))
    show = phase_rows(environment)
    show(Phase.JOIN.value, 1_500, "")
    show(Phase.LOGIN.value, 2_000, "HTTP 500")
    rows = [(row["request_type"], row["name"], row["response_time"], str(row["exception"])) for row in seen]
    assert rows == [("WS", "join", 1.5, "None"), ("HTTP", "login", 2.0, "HTTP 500")]


def last_of(dispatcher, count):
    dispatcher.new_dispatch(count, 100)
    return list(dispatcher)[-1]


def distributed(kind, environment):
    nodes = [WorkerNode(name) for name in "ab"]
    dispatcher = kind(nodes, environment.user_classes)
    return dispatcher, nodes, {name: sum(users.values()) for name, users in last_of(dispatcher, 8).items()}


def test_users_stay_where_they_are_whoever_comes_and_goes(environment, capsys):
    dispatcher, nodes, before = distributed(SteadyDispatcher, environment)
    assert before == {"a": 4, "b": 4}
    dispatcher.add_worker(WorkerNode("c"))
    dispatcher.remove_worker(nodes[1])
    assert dispatcher.dispatch_in_progress
    after = {name: sum(users.values()) for name, users in last_of(dispatcher, 10).items()}
    assert after == {"a": 6, "b": 4}
    assert "worker c came during the run; it takes part from the next one on" in capsys.readouterr().err
    dispatcher.remove_worker(nodes[0])


def test_locusts_own_dispatcher_moves_them(environment):
    dispatcher, nodes, _ = distributed(UsersDispatcher, environment)
    dispatcher.remove_worker(nodes[1])
    assert {name: sum(users.values()) for name, users in last_of(dispatcher, 8).items()} == {"a": 8}


@pytest.mark.parametrize(("there", "said"), [(1, ["1 of 2 workers came within 0.01 s."]), (2, [])])
def test_workers_that_do_not_come_are_waited_for_as_long_as_asked(there, said, monkeypatch):
    monkeypatch.setattr("hubbub.bridge.workers.WATCH_INTERVAL_S", 0.005)
    parsed = SimpleNamespace(expect_workers=2, expect_workers_max_wait=0.01, headless=True)
    runner = SimpleNamespace(clients=SimpleNamespace(ready=["w"] * there))
    heard = []
    await_workers(SimpleNamespace(parsed_options=parsed, runner=runner), heard.append)
    gevent.sleep(0.1)
    assert (heard, parsed.expect_workers_max_wait) == (said, 0)
