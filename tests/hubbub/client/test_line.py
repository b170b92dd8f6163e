"""A line sends what its dialogue makes, and answers what the backend asks."""

import pytest

from hubbub.client.line import MAX_REPLIES, Line
from hubbub.contracts import Credentials, Event, EventKind, Opening, Upgrade
from hubbub.errors import BrokenContract, ConnectionClosed, Owner
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


def test_clients_are_spread_over_the_hosts_of_the_websocket(make_place):
    place = make_place(websocket_host="http://a.test,https://b.test")
    urls, connect = [], place.context.transport.connect
    place.context.transport.connect = lambda url, *more: urls.append(url.partition("?")[0]) or connect(url, *more)
    for account in (0, 1, 0, 1):
        place.ready(account)
    assert sorted(urls) == ["ws://a.test/api/ws/chat"] * 2 + ["wss://b.test/api/ws/chat"] * 2
