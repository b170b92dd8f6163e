"""A connection that polls gives each answer to its handler, ends as a WebSocket does, and never makes a storm."""

from types import SimpleNamespace

import pytest

from hubbub.client.polling import MOST_A_SECOND, PollingConnection
from hubbub.contracts import Call
from hubbub.errors import BrokenContract, Closing, ConnectError, ContractError, Owner, Throttled
from tests.twins.scheduler import FakeScheduler

HOLD_S = 2.0


class Backend:
    """Answers after a while, or as `says` has it: bytes, a status, an exception."""

    def __init__(self):
        self.scheduler = FakeScheduler()
        self.says = []
        self.hold_s = HOLD_S
        self.asked = self.handled = 0
        self.taken, self.closed = [], []
        self.handler = SimpleNamespace(on_message=lambda *message: self.taken.append(message))
        self.call = Call("GET", "/sync")

    def poll(self):
        return self.call

    def request(self, _method, _path, _headers, _body):
        self.asked += 1
        self.scheduler.sleep(self.hold_s)
        said = self.says.pop(0) if self.says else b"{}"
        if isinstance(said, Exception):
            raise said
        return (said, b"no") if isinstance(said, int) else (200, said)

    def connection(self):
        return PollingConnection(
            *(self.scheduler, self.request, self, self.handler, lambda *how: self.closed.append(how)),
            lambda began_us, now_us: (began_us + now_us) // 2,
        )

    def open(self):
        connection = self.connection()
        task = self.scheduler.spawn(connection.open)
        self.scheduler.run(task.ready)
        task.get()
        return connection


@pytest.fixture
def backend():
    return Backend()


def test_each_answer_is_given_once_with_both_times(backend):
    backend.says = [b"first", b"second", b"third"]
    backend.open()
    backend.scheduler.advance(2 * HOLD_S)
    assert [payload for payload, *_ in backend.taken] == [b"first", b"second", b"third"]
    _, now_us, arrived_us, frame = backend.taken[1]
    assert (now_us - arrived_us, frame) == (1_000_000, None)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (ConnectError("ECONNREFUSED"), ConnectError),
        (401, ConnectError),
        (Throttled("slow"), Throttled),
        (BrokenContract("x"), BrokenContract),
    ],
)
def test_a_first_poll_that_fails_is_a_failed_connect(backend, said, error):
    backend.says = [said]
    with pytest.raises(error) as caught:
        backend.open()
    assert getattr(caught.value, "status", 401) in (401, 429, None)
    assert backend.closed == []


@pytest.mark.parametrize(
    ("said", "closing"),
    [
        (ConnectError("ECONNRESET", errno="ECONNRESET"), Closing(1006, "ECONNRESET", Owner.BACKEND, "ECONNRESET")),
        (ConnectError("EMFILE", is_ours=True), Closing(1006, "EMFILE", Owner.GENERATOR, "", True)),
        (503, Closing(1006, "HTTP 503", Owner.BACKEND)),
        (BrokenContract("poll raised"), Closing(1006, "poll raised", Owner.GENERATOR, "", True)),
    ],
)
def test_a_later_one_that_fails_ends_the_connection(backend, said, closing):
    backend.says = [b"first", said]
    connection = backend.open()
    backend.scheduler.advance(10 * HOLD_S)
    assert [how for how, _ in backend.closed] == [closing]
    assert not connection.is_open
    assert backend.asked == 2


def test_a_limit_is_waited_for_and_ends_nothing(backend):
    backend.says = [b"first", Throttled("slow", 5.0), b"second"]
    backend.open()
    backend.scheduler.advance(HOLD_S + 4)
    assert backend.asked == 2
    backend.scheduler.advance(2 + HOLD_S)
    assert [payload for payload, *_ in backend.taken] == [b"first", b"second"]
    assert backend.closed == []


def test_answers_without_end_make_no_storm(backend):
    backend.hold_s = 0.0
    connection = backend.open()
    backend.scheduler.advance(10)
    assert 9 * MOST_A_SECOND <= backend.asked <= 11 * MOST_A_SECOND + 1
    connection.close()


def test_what_comes_after_the_end_is_not_taken(backend):
    connection = backend.open()
    taken = len(backend.taken)
    connection.close()
    connection.close()
    backend.scheduler.advance(3 * HOLD_S)
    assert (len(backend.taken), backend.asked) == (taken, 2)
    assert [how for how, _ in backend.closed] == [Closing(1000, "closed by us", Owner.GENERATOR)]


def test_a_slow_reader_asks_for_nothing_new(backend):
    connection = backend.open()
    connection.pause_reading()
    backend.scheduler.advance(5 * HOLD_S)
    assert (len(backend.taken), backend.asked, connection.has_unread()) == (1, 2, True)
    connection.resume_reading()
    backend.scheduler.advance(HOLD_S + 0.1)
    assert (len(backend.taken), connection.has_unread()) == (3, False)


def test_there_is_nothing_to_send_on(backend):
    connection = backend.open()
    for send in (connection.send, connection.send_soon):
        with pytest.raises(BrokenContract, match="messages go over HTTP"):
            send("x")


def test_a_dialogue_without_a_poll_is_one_sentence(backend):
    backend.call = None
    with pytest.raises(ContractError, match="there is nothing to poll"):
        backend.open()


def test_whatever_a_handler_raises_ends_the_connection_as_our_fault(backend):
    backend.says = [b"first", b"second"]
    connection = backend.open()

    def fail(*_message):
        raise TypeError("no such thing")

    backend.handler.on_message = fail
    backend.scheduler.advance(5 * HOLD_S)
    ((closing, _),) = backend.closed
    assert (closing.is_our_fault, closing.closed_by) == (True, Owner.GENERATOR)
    assert "no such thing" in closing.reason
    assert not connection.is_open
