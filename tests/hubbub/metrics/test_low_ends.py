"""Low ends, told apart by how late their message was sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.metrics.low_ends import NEVER_ON_TIME_US, LowEnds, tolerance_for

VALUES = st.lists(st.tuples(st.sampled_from((1_000, 50_000, NEVER_ON_TIME_US)), st.integers(0, 10**7)), max_size=30)


def filled(values):
    low = LowEnds()
    for tolerance_us, value_us in values:
        low.within(tolerance_us).record(value_us)
    return low


@pytest.mark.parametrize(
    ("lag_us", "expected"),
    [(-5, 1_000), (0, 1_000), (1_000, 1_000), (1_001, 50_000), (50_000, 50_000), (50_001, NEVER_ON_TIME_US)],
)
def test_a_send_lag_belongs_to_the_smallest_tolerance_that_covers_it(lag_us, expected):
    assert tolerance_for(lag_us, (1_000, 50_000)) == expected
    assert tolerance_for(lag_us, ()) == NEVER_ON_TIME_US


@given(VALUES)
def test_a_larger_tolerance_has_all_of_the_smaller_ones(values):
    low = filled(values)
    for limit in (999, 1_000, 49_999, 50_000, NEVER_ON_TIME_US):
        assert low.on_time(limit).count == sum(tolerance_us <= limit for tolerance_us, _ in values)
    assert low.all().count == len(values)


@given(VALUES, VALUES)
def test_they_merge_travel_and_are_told_from_an_earlier_state(first, second):
    both = filled(first)
    both.merge(filled(second))
    assert both.all().to_dict() == filled(first + second).all().to_dict()
    again = LowEnds.from_dict(json.loads(json.dumps(both.to_dict())))
    assert again.to_dict() == both.to_dict()
    assert both.since(filled(first)).all().buckets == filled(second).all().buckets


def test_clearing_forgets_and_voiding_keeps_the_number():
    low = filled([(1_000, 7), (50_000, 9)])
    low.within(1_000).censor(5)
    low.void()
    assert (low.all().buckets, low.all().censored_count) == ({0: 2}, 1)
    low.clear()
    assert low.all().count == 0
