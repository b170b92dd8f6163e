"""What a frame means that is no delivery and no answer."""

import pytest

from hubbub.client.events import count_drop
from hubbub.errors import Closing, Owner


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (b'{"type":"messages_dropped"}', "messages_dropped"),
        (b'{"type":"error","payload":{"message":"bad"}}', "error frame: bad"),
        (b"{", "unreadable frame"),
    ],
)
def test_frames_that_tell_of_a_fault_are_errors(place, frame, kind):
    session = place.ready()
    next(iter(place.backend.connections)).deliver(frame)
    place.scheduler.advance(1)
    assert kind in place.context.phase_stats.errors
    assert session.is_ready


def test_a_backend_that_stops_is_noted(place):
    session = place.ready()
    next(iter(place.backend.connections)).deliver(b'{"type":"server_shutdown"}')
    place.scheduler.advance(1)
    assert session.receiver.connection.note == "the backend said that it was about to stop"


def test_drops_at_a_slow_reader_of_our_own_are_our_own(place):
    session = place.ready()
    session.pause_reading()
    connection = next(iter(place.backend.connections))
    connection.deliver(b'{"type":"messages_dropped"}')
    place.scheduler.advance(1)
    assert connection.has_unread()
    session.doubt_unread()
    assert "not all that had arrived was read" in session.receiver.connection.note
    session.resume_reading()
    assert "generator: messages_dropped" in place.context.phase_stats.errors


@pytest.mark.parametrize(
    ("code", "is_ours", "kind"), [(1009, False, "dropped: 1009"), (1009, True, "why"), (1006, True, "dropped: 1006")]
)
def test_a_limit_of_our_own_is_told_as_what_it_is(place, code, is_ours, kind):
    count_drop(place.context, Closing(code, "why", Owner.BACKEND, "EPIPE", is_ours), is_ours)
    ((name, error),) = place.context.phase_stats.errors.items()
    assert name == ("generator: " if is_ours else "") + kind
    assert (error.failure.close_code, error.failure.errno, error.failure.closed_by) == (code, "EPIPE", "backend")
