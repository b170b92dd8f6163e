"""What makes a second unclean, rule by rule, and the record of seconds."""

from dataclasses import replace

import pytest

from hubbub.health.judge import Health, Second, causes_of
from hubbub.serialization import from_plain, to_plain

CLEAN = Second(
    began_us=0,
    ended_us=1_000_000,
    cpu_us=800_000,
    loop_lag_us=50_000,
    gc_pause_us=10_000,
    run_queue_us=20_000,
    throttled=0,
    send_lag_p99_us=5_000.0,
    response_p50_us=20_000.0,
    dropped=0,
)
"""At every limit, and over none."""


def at(second, seconds):
    return replace(second, began_us=seconds * 1_000_000, ended_us=(seconds + 1) * 1_000_000)


def test_at_the_limits_a_second_is_clean():
    assert causes_of(CLEAN) == []


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"cpu_us": 800_001}, "CPU of the process over 80 % of a core"),
        ({"loop_lag_us": 50_001}, "event loop over 50 ms late"),
        ({"run_queue_us": 20_001}, "run-queue delay"),
        ({"throttled": 1}, "CPU-throttled by cgroup"),
        ({"gc_pause_us": 10_001}, "garbage collection over 10 ms"),
        ({"send_lag_p99_us": 5_001.0}, "send lag p99 over 5 ms"),
        ({"dropped": 1}, "frames dropped by the generator"),
    ],
)
def test_over_a_limit_it_is_not(change, cause):
    assert causes_of(replace(CLEAN, **change)) == [cause]


def test_a_long_collection_without_a_late_loop_is_fine():
    assert causes_of(replace(CLEAN, gc_pause_us=30_000, loop_lag_us=9_000)) == []


def test_waiting_for_a_core_is_no_matter_when_nothing_is_late():
    waiting = replace(CLEAN, run_queue_us=80_000)
    assert causes_of(replace(waiting, loop_lag_us=2_500, send_lag_p99_us=2_500.0)) == []
    assert causes_of(replace(waiting, loop_lag_us=0, send_lag_p99_us=2_501.0)) == ["run-queue delay"]
    assert causes_of(replace(waiting, loop_lag_us=2_501, send_lag_p99_us=None)) == ["run-queue delay"]


def test_our_lag_may_be_a_tenth_of_a_slow_response():
    slow = replace(CLEAN, response_p50_us=400_000.0)
    assert causes_of(replace(slow, send_lag_p99_us=40_000.0)) == []
    assert causes_of(replace(slow, send_lag_p99_us=40_001.0)) == ["send lag p99 over 5 ms"]


def test_what_the_machine_does_not_tell_is_no_cause():
    assert causes_of(replace(CLEAN, run_queue_us=None, throttled=None, send_lag_p99_us=None)) == []


def test_a_short_second_is_judged_by_its_length():
    assert causes_of(replace(CLEAN, ended_us=500_000, cpu_us=400_001, run_queue_us=10_000)) == [
        "CPU of the process over 80 % of a core"
    ]


def test_seconds_add_up_and_clean_ones_are_told_from_others():
    health = Health()
    assert health.clean_ratio is None
    health.add(at(CLEAN, 0))
    health.add(at(replace(CLEAN, cpu_us=900_000, loop_lag_us=70_000), 1))
    health.add(at(CLEAN, 2))
    assert (health.seconds, health.clean_us, health.unclean_us) == (3, 2_000_000, 1_000_000)
    assert (health.clean_ratio, health.cpu_max, health.stall_us) == (2 / 3, 0.9, 70_000)


def test_a_fragment_of_a_second_has_no_shares():
    fragment = replace(CLEAN, ended_us=10_000, cpu_us=10_000, run_queue_us=5_000)
    assert causes_of(fragment) == []
    health = Health()
    health.add(fragment)
    assert health.cpu_max is None


def test_a_long_unclean_time_is_remembered_whole():
    health = Health()
    for second in range(3_000):
        health.add(at(replace(CLEAN, dropped=1) if second != 2_500 else CLEAN, second))
    assert len(health.unclean) == 1_000
    assert health.causes() == [("frames dropped by the generator", 2_999_000_000)]


def test_workers_are_merged_and_travel_unchanged():
    one, other = Health(), Health()
    one.add(at(replace(CLEAN, throttled=2, cpu_us=100_000), 0))
    one.add(at(replace(CLEAN, dropped=4), 1))
    other.add(at(replace(CLEAN, dropped=3, cpu_us=200_000), 0))
    other.add(at(replace(CLEAN, dropped=2, throttled=1, cpu_us=200_000), 1))
    other.add(at(replace(CLEAN, cpu_us=200_000), 2))
    other.loop_lag.record(7)
    assert (other.dropped, other.unclean_us) == (5, 2_000_000)
    one.merge(from_plain(Health, to_plain(other)))
    assert (one.seconds, one.dropped, one.loop_lag.count, one.cpu_max) == (5, 9, 1, 0.8)
    assert (one.clean_us, one.unclean_us, len(one.unclean)) == (1_000_000, 4_000_000, 4)
    assert one.causes() == [("frames dropped by the generator", 3_000_000), ("CPU-throttled by cgroup", 2_000_000)]
    assert to_plain(from_plain(Health, to_plain(one))) == to_plain(one)
    fresh = Health()
    fresh.merge(other)
    assert fresh.cpu_max == 0.2
    assert fresh.causes() == other.causes()


def test_a_merge_with_nothing_changes_nothing():
    health = Health()
    health.add(CLEAN)
    before = to_plain(health)
    health.merge(Health())
    assert to_plain(health) == before


def test_the_diagnosis_names_the_longest_stall_and_top_causes():
    health = Health()
    assert health.diagnosis() == ""
    health.add(at(replace(CLEAN, loop_lag_us=4_999), 0))
    assert health.diagnosis() == ""
    health.add(at(replace(CLEAN, loop_lag_us=5_000), 0))
    assert health.diagnosis() == "generator event loop stalled for up to 5 ms"
    for second in range(1, 2_000):
        health.add(at(replace(CLEAN, loop_lag_us=999_000), second))
    health.add(at(replace(CLEAN, throttled=1, dropped=1, gc_pause_us=11_000, loop_lag_us=12_000), 2_000))
    assert health.diagnosis() == (
        "generator event loop stalled for up to 999 ms; event loop over 50 ms late in 1999 s; "
        "CPU-throttled by cgroup in 1 s; garbage collection over 10 ms in 1 s"
    )


def test_a_collection_counts_only_beside_a_late_loop():
    assert causes_of(replace(CLEAN, gc_pause_us=11_000, loop_lag_us=10_000)) == []
