"""A client that lost its connection comes back for what it missed, where its contract says that it is kept."""

from typing import ClassVar

import pytest

from hubbub.contracts import Dialogue, Opening
from hubbub.errors import ContractError, PhaseFailed


class Keeping(Dialogue):
    """Asks for what came after the newest unit that arrived; `asked` are all openings of a test."""

    asked: ClassVar[list[Opening]] = []
    __slots__ = ("seen",)

    def __init__(self, contract, opening):
        super().__init__(contract, opening)
        self.seen = opening.previous["after"] if opening.previous else b""
        Keeping.asked.append(opening)

    def receive(self, payload):
        if b'"content"' in payload:
            self.seen = payload
        return super().receive(payload)

    def resume(self, newest):
        after = newest or self.seen
        return {"after": after} if after else None


@pytest.fixture
def keeping(place):
    """A place whose backend keeps what is missed, as its contract says."""
    place.context.contract.recover_s = 60
    place.ledger._recover_us = 60_000_000
    place.context.contract.dialogue = lambda opening: Keeping(place.context.contract, opening)
    Keeping.asked = []
    return place


def links(place):
    return {each.user: each for each in place.backend.connections}


def say(place, session, text="hello"):
    session.send(place.scheduler.now_us(), text)
    place.scheduler.advance(0.1)


def come_back(place, session):
    place.do(session.establish)
    return Keeping.asked[-1].previous


def test_the_next_connection_is_told_what_arrived_last(keeping):
    sender, other = keeping.ready(0), keeping.ready(1)
    say(keeping, sender)
    links(keeping)[2].end(1006, "gone")
    say(keeping, sender, "missed")
    missed = keeping.backend.stored[50][-1]["content"]
    previous = come_back(keeping, other)
    assert b'"content"' in previous["after"]
    assert missed.encode() not in previous["after"]
    frame = previous["after"].replace(keeping.backend.stored[50][0]["content"].encode(), missed.encode())
    links(keeping)[2].deliver(frame)
    keeping.scheduler.advance(0.1)
    keeping.ledger.finish(keeping.scheduler.now_us())
    counts = keeping.ledger.counts
    assert (counts.due, counts.delivered, counts.recovered, counts.lost, counts.excused) == (4, 4, 1, 0, 0)


def test_a_failed_try_keeps_what_was_asked_for(keeping):
    sender, other = keeping.ready(0), keeping.ready(1)
    say(keeping, sender)
    links(keeping)[2].end(1006, "gone")
    keeping.backend.refuse["/ws/ticket"] = 503
    with pytest.raises(PhaseFailed):
        keeping.do(other.establish)
    keeping.backend.refuse.clear()
    assert come_back(keeping, other)["after"]
    say(keeping, sender)
    keeping.ledger.finish(keeping.scheduler.now_us())
    assert keeping.ledger.counts.excused == 0


def test_a_join_that_fails_keeps_it_too(keeping):
    sender, other = keeping.ready(0), keeping.ready(1)
    say(keeping, sender)
    links(keeping)[2].end(1006, "gone")
    take, keeping.backend.take = keeping.backend.take, lambda *_: None
    with pytest.raises(PhaseFailed):
        keeping.do(other.establish)
    keeping.backend.take = take
    assert come_back(keeping, other)["after"]


def test_who_has_nothing_to_ask_for_begins_anew(keeping):
    sender, other = keeping.ready(0), keeping.ready(1)
    links(keeping)[2].end(1006, "gone")
    say(keeping, sender)
    assert come_back(keeping, other) is None
    keeping.ledger.finish(keeping.scheduler.now_us())
    counts = keeping.ledger.counts
    assert (counts.due, counts.delivered, counts.excused) == (1, 1, 0)


def test_who_closes_by_itself_begins_anew(keeping):
    sender, other = keeping.ready(0), keeping.ready(1)
    say(keeping, sender)
    keeping.do(other.close)
    say(keeping, sender)
    assert come_back(keeping, other) is None


def test_who_is_stopped_meanwhile_is_excused(keeping):
    sender, other = keeping.ready(0), keeping.ready(1)
    say(keeping, sender)
    links(keeping)[2].end(1006, "gone")
    say(keeping, sender)
    keeping.do(other.close)
    counts = keeping.ledger.counts
    assert (counts.due, counts.delivered, counts.excused) == (4, 3, 1)


def test_a_contract_that_fails_here_is_named_and_begins_anew(keeping, monkeypatch):
    def fail(_self, _newest):
        raise ContractError("what?")

    monkeypatch.setattr(Keeping, "resume", fail)
    sender, other = keeping.ready(0), keeping.ready(1)
    say(keeping, sender)
    links(keeping)[2].end(1006, "gone")
    assert come_back(keeping, other) is None
    assert any("resume raised" in error.sample for error in keeping.context.phase_stats.errors.values())
