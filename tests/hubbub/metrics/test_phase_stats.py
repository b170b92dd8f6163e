"""The phase_stats of phases, connections and errors."""

from hubbub.errors import CallFailed, Failure, Owner, failure_of
from hubbub.metrics.phase_stats import PhaseStats
from hubbub.serialization import from_plain, to_plain


def test_two_workers_tallies_add_up():
    one, two = PhaseStats(), PhaseStats()
    one.phase("login", 1_000, 900)
    one.connections.attempted = 3
    one.error(Failure("not confirmed", "join"), 5, "first")
    two.error(Failure("not confirmed", "join"), 2, "second")
    two.error(Failure("dropped: 1006", owner=Owner.GENERATOR), 9, "gone", is_attempt=False)
    one.merge(two)
    assert one.own_error_count == 1
    assert one.connections.attempted == 3
    assert (one.series["login"].max_us, one.low["login"].max_us) == (1_000, 900)
    assert one.attempts == 3
    assert one.error_count == 3
    known = one.errors["join: not confirmed"]
    assert (known.count, known.first_us, known.last_us, known.sample) == (2, 2, 5, "first")


def test_a_tally_travels_as_serialization():
    phase_stats = PhaseStats()
    phase_stats.phase("connect", 20_000, 19_000)
    phase_stats.error(failure_of("login", CallFailed(500, "HTTP 500")), 1, "x" * 999)
    again = from_plain(PhaseStats, to_plain(phase_stats))
    assert to_plain(again) == to_plain(phase_stats)
    assert len(again.errors["login: HTTP 500"].sample) == 200


def test_classes_of_errors_are_bounded_in_length_and_number():
    stats = PhaseStats()
    for number in range(1_000):
        stats.error(Failure(f"error frame: {number}" + "x" * 10_000), 1, "sample")
        stats.error(Failure(str(number), owner=Owner.GENERATOR), 1, "sample")
    assert len(stats.errors) <= 102
    assert max(map(len, stats.errors)) <= 120
    assert (stats.error_count, stats.own_error_count) == (2_000, 1_000)


def test_what_differs_within_a_class_is_left_out():
    stats = PhaseStats()
    stats.error(Failure("dropped: 1006", errno="ECONNRESET", close_code=1006, closed_by="backend"), 1, "")
    stats.error(Failure("dropped: 1006", close_code=1006, closed_by="backend"), 2, "")
    (error,) = stats.errors.values()
    assert error.failure == Failure("dropped: 1006", close_code=1006, closed_by="backend")
