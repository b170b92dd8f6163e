"""A line sends what its dialogue makes, and answers what the backend asks."""

from dataclasses import replace

import pytest

from hubbub.client.line import MAX_REPLIES, Line
from hubbub.contracts import Credentials, Event, EventKind, Opening, Phase, Upgrade
from hubbub.errors import BrokenContract, ConnectError, ConnectionClosed, Owner, PhaseFailed
from hubbub.ledger import Receiver


@pytest.fixture
def session(place):
    return place.ready()


def sent_of(session):
    sent = []
    session.line.connection.send = session.line.connection.send_soon = lambda frame: bool(sent.append(frame)) or True
    return sent


def test_a_request_for_an_answer_is_answered(session):
    sent = sent_of(session)
    session._on_event(Event(EventKind.REPLY, frames=("3", b"\x00")), 0)
    assert sent == ["3", b"\x00"]


def test_answers_to_one_frame_are_bounded(session):
    sent = sent_of(session)
    session.line.reply(["x"] * 1_000)
    assert len(sent) == MAX_REPLIES


def test_a_heartbeat_is_what_the_dialogue_makes(session, monkeypatch):
    sent = sent_of(session)
    monkeypatch.setattr(type(session.line.dialogue), "heartbeat", lambda _: ("beat",))
    session.line.beat()
    assert sent == ["beat"]
    session.line.connection.is_open = False
    session.line.beat()
    assert sent == ["beat"]


def test_a_contract_that_fails_is_counted_as_its_own(place, session, monkeypatch):
    def fail(*_):
        raise BrokenContract("contract x: oops")

    for method in ("heartbeat", "typing", "post", "leave"):
        monkeypatch.setattr(type(session.line.dialogue), method, fail)
    session.line.beat()
    assert not session.line.try_to_send(lambda dialogue: dialogue.typing(1, True), "send")
    message = session.send(place.scheduler.now_us(), " x")
    assert message.cut_by == "generator"
    errors = place.context.phase_stats.errors
    assert {error.failure.owner for error in errors.values()} == {Owner.CONFIGURATION}
    assert errors["configuration: send: contract x: oops"].count == 2


def test_a_dialogue_that_fails_at_the_upgrade_fails_the_connection(place, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    session = place.session()
    monkeypatch.setattr(place.context.contract, "upgrade", fail)
    with pytest.raises(Exception, match="contract sanctum: upgrade raised ZeroDivisionError"):
        place.do(session.establish)
    assert place.context.phase_stats.connections.failed == 1


def test_without_a_connection_nothing_is_sent(place, session):
    line = Line(place.context, Opening(Credentials("a@x.y")))
    assert not line.is_open
    with pytest.raises(ConnectionClosed):
        line.send(["x"])
    assert line.send(()) is True
    line.reply(["x"])
    assert isinstance(session.receiver, Receiver)
    assert Upgrade("/").headers == {}


def ready_at(place, seat):
    session = place.session(seat % 2)
    session.slot = replace(session.slot, place=seat)
    place.do(session.establish)


@pytest.mark.parametrize(
    ("options", "urls"),
    [
        ({"websocket_host": "http://a.test,https://b.test"}, ("ws://a.test", "wss://b.test")),
        ({"host": "http://a.test,http://b.test"}, ("ws://a.test", "ws://b.test")),
    ],
)
def test_clients_are_spread_over_the_hosts(make_place, options, urls):
    place = make_place(**options)
    opened, connect = [], place.context.transport.connect
    place.context.transport.connect = lambda url, *more: opened.append(url.partition("/api")[0]) or connect(url, *more)
    for seat in range(4):
        ready_at(place, seat)
    assert opened == [*urls, *urls]


def test_the_calls_of_a_client_go_to_the_host_of_its_connection(make_place):
    place, calls = make_place(host="http://a.test,http://b.test"), []

    def recording(name):
        return lambda method, path, *more: (
            calls.append((name, path.rpartition("/")[2])) or place.context.http(method, path, *more)
        )

    place.context.https = [recording("a"), recording("b")]
    ready_at(place, 0)
    ready_at(place, 1)
    assert calls == [("a", "join"), ("a", "ticket"), ("b", "join"), ("b", "ticket")]


def test_a_question_that_comes_while_we_close_is_not_answered(place, session):
    session._line = None
    session._on_event(Event(EventKind.REPLY, frames=("3",)), 0)
    assert not place.context.phase_stats.errors


def test_what_is_refused_though_nothing_was_asked_is_counted(place, session):
    for kind in (EventKind.FAILED, EventKind.LIMIT):
        session._on_event(Event(kind, text="Permissions Violation"), 0)
    assert place.context.phase_stats.errors["error frame: Permissions Violation"].count == 2
    assert "the backend refused something" in session.receiver.connection.note


def test_a_frame_that_a_contract_fails_on_is_no_evidence(place, session):
    session._on_event(Event(EventKind.BROKEN, text="receive raised KeyError on b'x'"), place.scheduler.now_us())
    stats = place.context.phase_stats
    assert list(stats.errors) == ["configuration: contract sanctum: receive raised KeyError"]
    assert stats.own_error_count == 1
    assert session.receiver.connection.doubted_us == place.scheduler.now_us()


def test_an_upgrade_that_a_contract_fails_on_is_no_evidence(place, monkeypatch):
    monkeypatch.setattr(place.context.contract, "upgrade", lambda _: 1 / 0)
    with pytest.raises(PhaseFailed):
        place.do(place.session().establish)
    connections = place.context.phase_stats.connections
    assert (connections.failed, connections.failed_unproven) == (1, 1)


def test_a_connection_that_ends_too_soon_fails_its_join(place, monkeypatch):
    phases = tuple(phase for phase in place.context.contract.phases if phase is not Phase.JOIN)
    monkeypatch.setattr(type(place.context.contract), "phases", phases)
    session = place.session()
    really_join = type(session)._join

    def lose(self):
        self.receiver = None
        return really_join(self)

    monkeypatch.setattr(type(session), "_join", lose)
    with pytest.raises(PhaseFailed, match="join: closed before the join"):
        place.do(session.establish)
    assert "join: closed before the join" in place.context.phase_stats.errors


def test_membership_is_subscription_without_a_join(place, monkeypatch):
    phases = tuple(phase for phase in place.context.contract.phases if phase is not Phase.JOIN)
    monkeypatch.setattr(type(place.context.contract), "phases", phases)
    monkeypatch.setattr(type(place.context.contract), "join", lambda *_: None)
    session = place.ready()
    assert session.is_ready
    assert session.receiver.subscription.ready_us <= place.scheduler.now_us()


def test_a_token_that_is_refused_at_the_upgrade_is_replaced(place):
    session = place.ready()
    before = place.context.accounts[0].identity
    place.backend.tickets.clear()
    place.context.transport.connect, connect = (
        lambda *_: (_ for _ in ()).throw(ConnectError("HTTP 401", 401)),
        (place.context.transport.connect),
    )
    other = place.session()
    with pytest.raises(PhaseFailed):
        place.do(other.establish)
    place.context.transport.connect = connect
    place.do(other.establish)
    assert place.context.accounts[0].identity != before
    assert session.is_ready
