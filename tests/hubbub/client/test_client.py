"""A client gets ready, does its steps, and gets ready again; it may be stopped wherever it waits."""

from types import SimpleNamespace

import gevent
import pytest
from gevent.event import Event
from geventhttpclient.response import HTTPParseError
from locust.exception import StopUser

from hubbub.client.client import Client
from hubbub.client.payloads import Payloads
from hubbub.client.send_plans import Plans


class Stepper(Client):
    def __init__(self):
        self.steps = 0

    def step(self):
        self.steps += 1
        self.pause(1)


@pytest.fixture
def worker(place):
    worker = SimpleNamespace(
        context=place.context,
        plans=Plans(place.context),
        payloads=Payloads.make(1, (120, 120)),
        window=Event(),
        ended=Event(),
        is_sending=True,
        number_client=lambda: 3,
        conversation_of=lambda client: 0,
        open_session=lambda has_own_account: place.session(),
        closed=[],
    )
    worker.close_session = lambda session, has_own_account: worker.closed.append(session)
    return worker


@pytest.fixture
def live(place, worker):
    tasks, clients = [], []

    def live(client):
        clients.append(client)
        tasks.append(gevent.spawn(client.live, worker))
        return tasks[-1]

    yield live
    for client in clients:
        client.is_stopped = True
    gevent.killall(tasks)


def test_a_client_waits_for_the_window_and_then_steps(place, worker, live):
    client = Stepper()
    live(client)
    place.scheduler.advance(5)
    assert (client.session.is_ready, client.steps, client.client) == (True, 0, 3)
    worker.window.set()
    place.scheduler.advance(2.5)
    assert client.steps == 3


def test_a_client_whose_connection_is_lost_gets_ready_again(place, worker, live):
    client = Stepper()
    worker.window.set()
    live(client)
    place.scheduler.advance(2)
    next(iter(place.backend.connections)).end(1006, "gone")
    place.scheduler.advance(1)
    assert client.session.is_ready
    assert place.context.phase_stats.connections.succeeded == 2


def test_a_client_that_fails_backs_off_more_and_more(place, worker, live):
    place.backend.refuse["/ws/ticket"] = 503
    live(Stepper())
    place.scheduler.advance(60)
    attempts = place.context.phase_stats.connections.attempted
    assert 5 <= attempts <= 14


def test_a_client_stops_when_sending_is_over(place, worker, live):
    client = Stepper()
    worker.window.set()
    live(client)
    place.scheduler.advance(2)
    worker.is_sending = False
    place.scheduler.advance(2)
    steps = client.steps
    worker.ended.set()
    place.scheduler.advance(2)
    assert client.steps == steps
    assert worker.closed == []


def test_a_client_that_is_stopped_gives_its_slot_back(place, worker, live):
    client = Stepper()
    worker.window.set()
    task = live(client)
    place.scheduler.advance(2)
    client.is_stopped = True
    task.kill(block=False)
    place.scheduler.advance(1)
    assert (len(worker.closed), client.session) == (1, None)
    attendance = place.context.population.attendance()
    assert (attendance.asked, attendance.ready, attendance.lost, attendance.present) == (1, 1, 0, 0)


def test_a_kind_without_a_step_says_so(place, worker, live):
    worker.window.set()
    live(Client())
    place.scheduler.advance(0.5)
    (error,) = place.context.phase_stats.errors.items()
    assert error[0] == "generator: user class Client in step: TypeError"
    assert "override step()" in error[1].sample


RAISED = [
    ValueError("x"),
    SystemExit(3),
    KeyboardInterrupt(),
    gevent.GreenletExit(),
    StopUser(),
    gevent.Timeout(1),
    HTTPParseError("bad"),
]


@pytest.mark.parametrize("place_of_it", ["on_start", "step"])
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_it_raises_is_counted_and_it_begins_anew(place, worker, live, caplog, error, place_of_it):
    class Broken(Stepper):
        raised = 0

    def fail(client):
        client.raised += 1
        if client.raised <= 3:
            raise error
        if place_of_it == "step":
            Stepper.step(client)

    setattr(Broken, place_of_it, fail)
    client = Broken()
    worker.window.set()
    live(client)
    place.scheduler.advance(30)
    ((kind, counted),) = place.context.phase_stats.errors.items()
    assert kind == f"generator: user class Broken in {place_of_it}: {type(error).__name__}"
    assert counted.count == 3
    assert client.steps > 0
    assert len(worker.closed) == (3 if place_of_it == "step" else 0)
    attendance = place.context.population.attendance()
    assert (attendance.asked, attendance.ready, attendance.lost) == (1, 1, 1)
    assert attendance.lost_by == {kind.removeprefix("generator: "): 1}
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_what_it_raises_when_it_is_stopped_is_an_error_and_no_loss(place, worker, live):
    client = Stepper()
    client.on_stop = lambda: 1 / 0
    worker.window.set()
    task = live(client)
    place.scheduler.advance(2)
    client.is_stopped = True
    task.kill(block=False)
    place.scheduler.advance(1)
    assert list(place.context.phase_stats.errors) == ["generator: user class Stepper in on_stop: ZeroDivisionError"]
    assert (len(worker.closed), place.context.population.attendance().lost) == (1, 0)


def test_a_pause_ends_early_when_the_newest_message_is_seen(place, worker):
    client = Stepper()
    client.worker, client.session = worker, place.ready()
    client.session.send(place.scheduler.now_us(), " x")
    before_us = place.scheduler.now_us()
    place.do(client.pause, 30, True)
    assert place.scheduler.now_us() - before_us < 1_000_000
    assert client.session.receiver.producer.on_newest_seen is None


def test_a_pause_until_a_time_ends_then(place, worker):
    client = Stepper()
    client.worker = worker
    place.do(client.pause_until_us, place.scheduler.now_us() + 2_500_000)
    place.do(client.pause_until_us, 0)
    assert place.scheduler.now_us() == 102_500_000
