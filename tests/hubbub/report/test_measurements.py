"""What workers measured travels and adds up without a loss."""

from hubbub.errors import Failure
from hubbub.ledger import Counts, Finding
from hubbub.report.measurements import Measurements
from hubbub.serialization import from_plain, to_plain


def filled(number):
    measured = Measurements()
    measured.counts.sent = number
    measured.timings.response.record(number)
    measured.timings.response.censor(number)
    measured.timings.low.within(1_000).record(number)
    measured.load.planned[number] = 1
    measured.load.sent[number + 1] = 1
    measured.in_flight.sample(number, number)
    measured.clock_bound_us = number
    measured.phase_stats.connections.attempted = number
    measured.phase_stats.error(Failure("late", "join"), number, "sample")
    measured.health.loop_lag.record(number)
    measured.health.stall_us = number
    measured.history.stored = number
    measured.findings.append(Finding("lost", number))
    measured.conversations[number] = Counts(sent=number)
    return measured


def test_it_travels_unchanged():
    measured = filled(7)
    assert to_plain(from_plain(Measurements, to_plain(measured))) == to_plain(measured)


def test_it_adds_up():
    total = Measurements()
    for number in (3, 4):
        total.add(filled(number))
    assert total.counts.sent == total.history.stored == total.phase_stats.connections.attempted == 7
    assert total.timings.response.count == 4
    assert total.timings.low.all().count == total.health.loop_lag.count == 2
    assert (total.load.planned, total.load.sent) == ({3: 1, 4: 1}, {4: 1, 5: 1})
    assert (total.in_flight.samples, total.in_flight.total, total.in_flight.squares) == (2, 7, 25)
    assert (total.in_flight.span_us, total.clock_bound_us) == (7, 4)
    assert total.phase_stats.error_count == 2
    assert total.health.stall_us == 4
    assert set(total.conversations) == {3, 4}


def test_what_came_later_is_the_difference():
    earlier, later = filled(3), filled(3)
    later.add(filled(4))
    assert later.counts.since(earlier.counts).sent == 4
    assert later.timings.since(earlier.timings).response.count == 2
    assert later.phase_stats.since(earlier.phase_stats).error_count == 1
    assert later.phase_stats.since(earlier.phase_stats).connections.attempted == 4
