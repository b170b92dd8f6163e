"""A token that ends during a run is replaced, once for all that use it."""

import pytest

from hubbub.client.tokens import renewed, with_token
from hubbub.errors import CallFailed


@pytest.fixture
def expired(place):
    """A session whose account's token the backend does not take any more; `logins` counts how often it logs in."""
    session = place.ready()
    place.backend.tokens.clear()
    request = place.backend.request

    def checked(method, path, headers, body, began=lambda: None):
        token = headers.get("Authorization", "")[7:]
        if token and token not in place.backend.tokens:
            return 401, b'{"error":"expired"}'
        return request(method, path, headers, body, began)

    place.context.http = checked
    place.logins = lambda: sum(path.endswith("/login") for _, path in place.backend.calls) - 1
    return session


def test_a_history_is_read_with_a_new_token(place, expired):
    expired.read_history(50)
    expired.read_history(50)
    assert place.logins() == 1
    assert place.context.phase_stats.series["login"].count == 2


def test_a_message_over_http_is_sent_with_a_new_token(place, expired):
    messages = [expired.post(place.scheduler.now_us(), " x") for _ in range(3)]
    place.scheduler.advance(1)
    assert all(message.is_seen and not message.refusal for message in messages)
    assert place.logins() == 1


def test_a_connection_is_made_again_with_a_new_token(place, expired):
    place.do(expired.close)
    place.do(expired.establish)
    assert expired.is_ready
    assert place.logins() == 1
    assert not place.context.phase_stats.errors


def test_who_comes_second_takes_what_the_first_has_got(place, expired):
    stale = place.context.accounts[0].identity
    first, second = (renewed(place.context, 0, stale) for _ in range(2))
    assert first == second != stale
    assert place.logins() == 1


@pytest.mark.parametrize(("status", "logins"), [(401, 1), (403, 0), (500, 0)])
def test_a_backend_that_refuses_a_new_token_has_the_last_word(place, status, logins):
    place.ready()
    before = len(place.backend.calls)

    def refused(_identity):
        raise CallFailed(status, f"HTTP {status}")

    with pytest.raises(CallFailed, match=f"HTTP {status}"):
        with_token(place.context, 0, refused)
    assert len(place.backend.calls) - before == logins


def test_a_connection_is_opened_with_the_token_that_a_call_replaced(place, expired):
    opened = []
    make = place.context.contract.dialogue
    place.context.contract.dialogue = lambda opening: opened.append(opening.identity) or make(opening)
    place.do(expired.close)
    place.do(expired.establish)
    assert opened == [place.context.accounts[0].identity]
