"""A session lives through its contract's phases, and what fails is counted and undone."""

import pytest

from hubbub.client.accounts import Account
from hubbub.client.tokens import log_in
from hubbub.contracts import Credentials, EventKind, Phase
from hubbub.errors import CallFailed, ConnectError, ConnectionClosed, PhaseFailed


def failed(place, session):
    with pytest.raises(PhaseFailed) as caught:
        place.do(session.establish)
    return caught.value


def test_every_phase_is_timed_in_order(place):
    session = place.ready()
    assert session.is_ready
    assert [phase for phase, _, failure in place.phases if not failure] == [
        phase.value for phase in place.context.contract.phases
    ]
    stats = place.context.phase_stats
    assert (stats.connections.attempted, stats.connections.succeeded, stats.connections.ready) == (1, 1, 1)
    assert stats.series["join"].count == 1
    assert "ready" in repr(session).lower()


def test_one_login_per_account_or_per_client(place, make_place):
    def logins(place):
        for _ in range(3):
            place.ready()
        return sum(path.endswith("/login") for _, path in place.backend.calls)

    assert logins(place) == 1
    assert logins(make_place(logins="client")) == 3


@pytest.mark.parametrize(("path", "phase"), [("/login", "login"), ("/join", "conversation"), ("/ws/ticket", "ticket")])
def test_a_refused_call_fails_its_phase(place, path, phase):
    place.backend.refuse[path] = 503
    session = place.session()
    error = failed(place, session)
    assert (error.phase, error.reason, error.is_ours) == (phase, "HTTP 503", False)
    assert not session.is_ready
    assert [(each, failure) for each, _, failure in place.phases if failure] == [(phase, "HTTP 503")]
    connections = place.context.phase_stats.connections
    assert (connections.attempted, connections.failed) == ((1, 1) if phase == "ticket" else (0, 0))


def test_a_backend_that_is_gone_fails_the_first_phase(place):
    place.backend.is_up = False
    assert failed(place, place.session()).reason == "ConnectionRefusedError"


def test_a_limit_of_calls_is_waited_for_and_is_no_error(place):
    place.backend.refuse["/ws/ticket"] = 429
    session = place.session()
    task = place.scheduler.spawn(session.establish)
    place.scheduler.advance(4)
    assert not task.ready()
    place.backend.refuse.clear()
    place.scheduler.run(task.ready)
    stats = place.context.phase_stats
    assert session.is_ready
    assert (stats.connections.throttled, stats.error_count) == (3, 0)
    assert (stats.connections.attempted, stats.connections.failed) == (1, 0)
    assert stats.series["ticket"].max_us < 1_000_000


def test_a_limit_of_upgrades_is_waited_for_with_a_new_ticket(place):
    connect, refused = place.transport.connect, []

    def refuse(url, *how):
        if len(refused) < 2:
            refused.append(url)
            raise ConnectError("HTTP 429", 429)
        return connect(url, *how)

    place.transport.connect = refuse
    session = place.ready()
    stats = place.context.phase_stats
    assert session.is_ready
    assert (stats.connections.throttled, stats.connections.attempted, stats.connections.failed) == (2, 1, 0)
    assert len(set(refused)) == 2
    assert sum(producer.is_alive for producer in place.ledger._producers) == 1


def test_a_client_that_stops_while_it_waits_for_a_limit(place):
    def refuse(_url, *_how):
        raise ConnectError("HTTP 429", 429)

    place.transport.connect = refuse
    session = place.session()
    task = place.scheduler.spawn(session.establish)
    place.scheduler.advance(0.5)
    task.kill(block=False)
    place.scheduler.advance(1)
    assert task.ready()
    place.do(session.close)
    for _ in range(3):
        place.ledger.tick(place.scheduler.now_us())
    assert not list(place.ledger._producers)


def test_a_token_that_is_not_known_any_more_is_forgotten(place):
    place.ready()
    place.backend.refuse["/ws/ticket"] = 401
    failed(place, place.session())
    place.backend.refuse.clear()
    place.ready()
    assert sum(path.endswith("/login") for _, path in place.backend.calls) == 2


def test_an_account_that_is_known_need_not_log_in(place):
    identity = place.do(log_in, place.context.contract, Credentials("a1@x.y", "p"), place.backend.request)
    before = len(place.backend.calls)
    place.context.know([Account(0, "a1@x.y", "p", [0], identity.user_id, identity.token), Account(1, "b", "p", [0])])
    assert place.ready().is_ready
    assert not any(path.endswith("/login") for _, path in place.backend.calls[before:])
    assert place.context.phase_stats.series["login"].count == 0


def test_a_connection_that_ends_before_its_join_fails_the_join(place):
    place.context.accounts[0].gone.clear()
    session = place.session()
    errors = []

    def establish():
        try:
            session.establish()
        except PhaseFailed as error:
            errors.append(error)

    task = place.scheduler.spawn(establish)
    place.scheduler.advance(1)
    for connection in list(place.backend.connections):
        connection.end(1006, "gone")
    place.context.accounts[0].gone.set()
    place.scheduler.run(task.ready)
    assert [(error.phase, error.reason) for error in errors] == [("join", "closed before the join")]


def test_a_join_without_an_answer_fails_in_time(place):
    place.backend.take = lambda *_: None
    before_us = place.scheduler.now_us()
    error = failed(place, place.session())
    assert (error.phase, error.reason) == ("join", "not confirmed in time")
    assert place.scheduler.now_us() - before_us >= place.context.settings.join_timeout_us
    assert not place.backend.connections


def test_a_connection_that_says_nothing_fails_in_time(place, monkeypatch):
    monkeypatch.setattr("tests.twins.backend.MemoryConnection.deliver", lambda *_: None)
    assert failed(place, place.session()).reason == "no `connected` frame in time"


def test_a_connection_too_many_is_named(place):
    def turn_away(connection, _frame):
        connection.deliver(b'{"error":"user connection limit reached (12)"}')

    place.backend.take = turn_away
    place.context.accounts[0].open.update(range(12))
    assert failed(place, place.session()).reason == "user connection limit reached (12)"
    assert place.context.held_at_limit == 12


def test_a_connection_that_ends_while_it_joins_fails_the_join(place):
    place.backend.take = lambda connection, _: connection.end(4001, "not you")
    error = failed(place, place.session())
    assert (error.phase, error.reason) == ("join", "closed with 4001")


def test_a_lost_connection_is_timed_until_it_is_ready_again(place):
    session = place.ready()
    woken = []
    session.on_lost = lambda: woken.append(True)
    next(iter(place.backend.connections)).end(1012, "restart")
    assert woken
    assert not session.is_ready
    assert session.send(0, "x") is None
    place.scheduler.advance(3)
    place.do(session.establish)
    stats = place.context.phase_stats
    assert (stats.connections.dropped, stats.connections.ready, stats.series["reconnect"].count) == (1, 1, 1)
    assert stats.series["reconnect"].max_us > 3_000_000
    assert stats.errors["dropped: 1012"].sample == "restart"


def test_a_message_goes_round(place):
    session, other = place.ready(), place.ready(1)
    message = session.send(place.scheduler.now_us(), " hello")
    place.scheduler.advance(1)
    assert message.is_seen
    assert place.ledger.counts.delivered == 2
    assert other.is_ready


def test_a_message_that_cannot_be_written_is_an_error(place):
    session = place.ready()

    def fail(_text):
        raise ConnectionClosed("the peer takes nothing any more")

    session.connection.send = fail
    assert session.send(0, " x") is not None
    session.mark_read()
    session.signal("{}")
    assert place.context.phase_stats.errors["send: the peer takes nothing any more"].count == 3


def test_a_message_that_the_kernel_kept_was_tried_when_it_was_sent(place):
    session = place.ready()
    session.connection.send = lambda _text: False
    message = session.send(place.scheduler.now_us(), " x")
    assert message.tried_us == message.sent_us


def test_the_last_connection_of_an_account_leaves(place):
    first, second = place.ready(), place.ready()
    frames = []
    taken = place.backend.take
    place.backend.take = lambda connection, frame: (frames.append(frame["type"]), taken(connection, frame))
    place.do(first.close)
    place.scheduler.advance(1)
    assert "leave" not in frames
    place.do(second.close)
    place.scheduler.advance(1)
    assert frames == ["leave"]
    second.close()
    assert place.context.accounts[0].members == 0


def test_a_history_is_read_and_timed(place):
    session = place.ready()
    session.read_history(50)
    assert "/conversations/50/messages?limit=50&offset=0" in place.backend.calls[-1][1]
    place.backend.refuse["messages"] = 500
    with pytest.raises(CallFailed):
        session.read_history(50)


def test_events_of_a_connection_that_is_gone_are_ignored(place):
    session = place.session()
    session._on_event(type("E", (), {"kind": EventKind.DROPPED})(), 0)
    assert not place.context.phase_stats.errors


def test_the_account_does_not_leave_while_another_connection_joins(place):
    first, second = place.ready(0), place.session(0)
    task = place.scheduler.spawn(second.establish)
    place.scheduler.run(lambda: second.phase is Phase.JOIN)
    place.do(first.close)
    place.scheduler.run(task.ready)
    assert second.is_ready
    assert [connection.joined for connection in place.backend.connections] == [{50}]


def test_a_join_waits_until_a_leave_for_all_has_arrived(place, monkeypatch):
    first, second = place.ready(0), place.session(0)
    close = first.connection.close
    monkeypatch.setattr(first.connection, "close", lambda: (place.scheduler.sleep(1), close()))
    leaving = place.scheduler.spawn(first.close)
    place.scheduler.advance(0.1)
    task = place.scheduler.spawn(second.establish)
    place.scheduler.advance(0.5)
    assert second.phase is Phase.JOIN
    assert not second.is_ready
    place.scheduler.run(lambda: task.ready() and leaving.ready())
    assert second.is_ready
    assert [connection.joined for connection in place.backend.connections] == [{50}]
