"""A message over HTTP is decided by its own answer; tests/users/test_poster.py has whole runs with them."""

import pytest

from hubbub.contracts import load_contract
from hubbub.errors import Busy, ConnectError
from hubbub.ledger.message import BACKEND, GENERATOR


def test_until_it_is_written_it_is_our_own(place):
    session, steps = place.ready(), []
    request = place.backend.request

    def watched(*call, began):
        steps.append(message.cut_by)
        place.scheduler.sleep(1)
        began()
        steps.append(message.cut_by)
        return request(*call)

    place.context.http = watched
    message = session.post(place.scheduler.now_us(), " x")
    place.scheduler.advance(2)
    assert [*steps, message.cut_by] == [GENERATOR, BACKEND, ""]
    assert message.tried_us == message.sent_us == message.intended_us + 1_000_000
    assert place.context.phase_stats.series["post"].count == 1
    assert place.phases[-1] == ("post", 0, "")
    assert message.is_seen


@pytest.mark.parametrize(
    ("is_ours", "owner", "kind"), [(False, BACKEND, "post: no answer"), (True, GENERATOR, "generator: post: no answer")]
)
def test_a_call_that_is_cut_has_an_owner(place, is_ours, owner, kind):
    session = place.ready()

    def cut(*_call, began):
        began()
        raise ConnectError("no answer", is_ours=is_ours)

    place.context.http = cut
    message = session.post(place.scheduler.now_us(), " x")
    place.scheduler.advance(1)
    assert message.cut_by == owner
    assert kind in place.context.phase_stats.errors
    place.ledger.finish(place.scheduler.now_us() + 60_000_000)
    counts = place.ledger.counts
    assert (counts.vanished, counts.indefinite, counts.indefinite_unproven) == (0, 1, int(is_ours))


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (400, b'{"error":"too long","request_id":"17"}', "too long"),
        (503, b"<html>", "HTTP 503"),
        (429, b'{"message":"slow down"}', "slow down"),
    ],
)
def test_a_refusal_is_of_its_own_message(place, status, body, text):
    session = place.ready()
    first, second = (session.post(place.scheduler.now_us(), " x") for _ in range(2))
    place.scheduler.advance(1)
    place.context.http = lambda *_call, began: (status, body)
    third = session.post(place.scheduler.now_us(), " x")
    place.scheduler.advance(1)
    kind = "throttled" if status == 429 else "refused"
    assert [each.refusal for each in (first, second, third)] == ["", "", kind]
    assert place.context.refusals.most() == (text, 1)


def test_a_call_that_never_had_its_turn_is_the_backends_refusal(place):
    session = place.ready()

    def busy(*_call, began):
        raise Busy("no call was made")

    place.context.http = busy
    message = session.post(place.scheduler.now_us(), " x")
    place.scheduler.advance(1)
    place.ledger.finish(place.scheduler.now_us() + 60_000_000)
    counts = place.ledger.counts
    assert (message.refusal, counts.refused, counts.indefinite, counts.indefinite_unproven) == ("refused", 1, 0, 0)
    assert place.context.refusals.most() == ("the backend answers too slowly over HTTP", 1)
    assert not place.context.phase_stats.errors


def test_where_there_is_no_connection_nothing_is_sent(place):
    assert place.session().post(0, " x") is None
    assert place.ledger.counts.sent == 0


def test_a_contract_without_it_says_so(place):
    session = place.ready()
    place.context.contract = load_contract("minimal")
    session.post(place.scheduler.now_us(), " x")
    place.scheduler.advance(1)
    assert "post: contract minimal sends no messages over HTTP" in place.context.phase_stats.errors
