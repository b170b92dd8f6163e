"""A client's ways between conversations, and what it must not hear while it is out."""

import pytest

from hubbub.contracts import Phase
from hubbub.errors import PhaseFailed


def say(place, session):
    place.scheduler.advance(1)
    session.send(place.scheduler.now_us(), " x")
    place.scheduler.advance(1)


def test_a_session_moves_to_another_conversation(place):
    session = place.ready()
    place.do(session.switch, 1)
    assert session.is_ready
    assert session.conversation == 1
    place.backend.take = lambda *_: None
    with pytest.raises(PhaseFailed):
        place.do(session.switch, 0)
    assert not session.is_ready


def test_a_member_that_left_hears_nothing_until_it_is_back(place):
    session, other = place.ready(0), place.ready(1)
    place.do(session.end_membership)
    assert session.phase is Phase.AWAY
    assert not session.can_send
    say(place, other)
    place.do(session.become_member)
    assert session.is_ready
    say(place, other)
    counts = place.ledger.counts
    assert (counts.due, counts.delivered, counts.leaked) == (3, 3, 0)


@pytest.mark.parametrize("is_failing", [False, True])
def test_what_a_subscription_still_brings_is_leaked(place, is_failing):
    place.backend.keeps_subscriptions = True
    session, other = place.ready(0), place.ready(1)
    if is_failing:
        place.backend.refuse["/conversations/50"] = 500
    place.do(session.end_membership)
    say(place, other)
    place.backend.refuse.clear()
    place.do(session.become_member)
    say(place, other)
    counts = place.ledger.counts
    assert (counts.leaked, counts.optional, counts.lost) == ((0, 1, 0) if is_failing else (1, 0, 0))
    assert ("leave: HTTP 500" in place.context.phase_stats.errors) == is_failing


def test_what_was_sent_before_the_end_of_membership_is_not_leaked(place):
    session, other = place.ready(0), place.ready(1)
    place.backend.delay_s = 1
    other.send(place.scheduler.now_us(), " x")
    place.do(session.end_membership)
    place.backend.keeps_subscriptions = True
    place.scheduler.advance(5)
    assert place.ledger.counts.leaked == 0


def test_a_connection_that_is_lost_meanwhile_is_counted(place):
    session = place.ready()
    place.do(session.end_membership)
    next(iter(place.backend.connections)).end(1006, "gone")
    assert place.context.phase_stats.connections.dropped == 1
    with pytest.raises(PhaseFailed, match="the connection was lost"):
        place.do(session.become_member)
    place.do(session.establish)
    say(place, session)
    assert (place.ledger.counts.delivered, place.ledger.counts.leaked) == (1, 0)


def test_a_client_that_is_away_may_be_stopped(place):
    session = place.ready()
    left = []
    place.context.population.disconnected = lambda: left.append(session.phase)
    place.do(session.end_membership)
    assert not left
    place.do(session.close)
    assert left == [Phase.AWAY]
    assert session.phase is Phase.CLOSE
    assert not place.backend.connections


def test_only_who_is_ready_leaves(place):
    session = place.session()
    session._identity = place.ready(1).identity
    place.do(session.end_membership)
    assert session.phase is None


def test_a_connection_that_is_lost_on_the_way_back_is_counted(place):
    session = place.ready()
    place.do(session.end_membership)
    request = place.backend.request

    def cut(method, path, *rest, **how):
        if path.endswith("/join"):
            next(iter(place.backend.connections)).end(1006, "gone")
        return request(method, path, *rest, **how)

    place.context.http = cut
    with pytest.raises(PhaseFailed, match="the connection was lost"):
        place.do(session.become_member)
    assert place.context.phase_stats.connections.dropped == 1
    assert "dropped: 1006" in place.context.phase_stats.errors
