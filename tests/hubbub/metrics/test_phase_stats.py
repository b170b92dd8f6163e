"""The phase_stats of phases, connections and errors."""

from hubbub.metrics.phase_stats import PhaseStats
from hubbub.serialization import from_plain, to_plain


def test_two_workers_tallies_add_up():
    one, two = PhaseStats(), PhaseStats()
    one.phase("login", 1_000, 900)
    one.connections.attempted = 3
    one.error("join: not confirmed", 5, "first")
    two.error("join: not confirmed", 2, "second")
    two.error("generator: dropped: 1006", 9, "gone", is_attempt=False)
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
    phase_stats.error("login: HTTP 500", 1, "x" * 999)
    again = from_plain(PhaseStats, to_plain(phase_stats))
    assert to_plain(again) == to_plain(phase_stats)
    assert len(again.errors["login: HTTP 500"].sample) == 200


def test_classes_of_errors_are_bounded_in_length_and_number():
    stats = PhaseStats()
    for number in range(1_000):
        stats.error(f"error frame: {number}" + "x" * 10_000, 1, "sample")
        stats.error(f"generator: {number}", 1, "sample")
    assert len(stats.errors) <= 102
    assert max(map(len, stats.errors)) <= 120
    assert (stats.error_count, stats.own_error_count) == (2_000, 1_000)
