"""What clients share counts errors with their owner, and knows who has logged in."""

from hubbub.contracts import Identity
from hubbub.errors import ConnectError, Failure, Owner


def test_an_error_of_ours_has_another_class(place):
    place.context.error(Failure("x", owner=Owner.GENERATOR), "sample")
    place.context.failed("send", ConnectError("EMFILE", is_ours=True))
    place.context.failed("send", ConnectError("ConnectionResetError"))
    assert set(place.context.phase_stats.errors) == {
        "generator: x",
        "generator: send: EMFILE",
        "send: ConnectionResetError",
    }


def test_errors_are_dated_from_the_beginning(place):
    place.scheduler.advance(2)
    place.context.error(Failure("x"), "sample")
    assert place.context.phase_stats.errors["x"].first_us == 2_000_000


def test_anyone_who_has_logged_in_will_do(place):
    assert place.context.logged_in([0, 1]) == []
    place.context.accounts[1].identity = Identity("t", 2)
    assert place.context.logged_in([0, 1]) == [1]
    assert place.context.logged_in([0]) == []
