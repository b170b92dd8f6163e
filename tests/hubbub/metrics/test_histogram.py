"""Histograms: at most 0.4 % off, exact merging, censored values above all others."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from hubbub.metrics.histogram import Histogram, bucket_of, lower_edge_of, middle_of

VALUES = st.lists(st.integers(0, 10**9), min_size=1, max_size=300)


def filled(values, censored=()):
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    for value in censored:
        histogram.censor(value)
    return histogram


@given(st.integers(0, 2**40 - 1))
def test_a_bucket_is_at_most_0_4_per_cent_off(value):
    assert abs(middle_of(bucket_of(value)) - value) <= 0.004 * value


@given(st.integers(0, 2**40 - 2))
def test_buckets_are_in_order_and_have_no_gap(value):
    assert bucket_of(value + 1) - bucket_of(value) in (0, 1)


@given(st.integers(0, 10**9), st.lists(st.integers(-10, 10**6), min_size=1, max_size=100))
def test_many_times_since_an_origin_are_recorded_as_one_by_one(origin, delays):
    together = Histogram()
    together.record_since(origin, [origin + delay for delay in delays])
    assert together.to_dict() == filled(delays).to_dict()


def test_a_negative_value_counts_as_0():
    histogram = filled([-7])
    assert (histogram.count, histogram.min_us, histogram.max_us, histogram.buckets) == (1, 0, 0, {0: 1})


@given(VALUES, st.floats(0, 1))
def test_a_quantile_is_the_one_of_the_sorted_list(values, quantile):
    exact = sorted(values)[max(1, math.ceil(quantile * len(values))) - 1]
    found, is_censored = filled(values).quantile_us(quantile)
    assert abs(found - exact) <= 0.004 * exact
    assert not is_censored


@given(VALUES, VALUES, st.floats(0, 1))
def test_censored_values_rank_above_all_observed_ones(values, censored, quantile):
    rank = max(1, math.ceil(quantile * (len(values) + len(censored))))
    found, is_censored = filled(values, censored).quantile_us(quantile)
    exact = sorted(values)[rank - 1] if rank <= len(values) else sorted(censored)[rank - len(values) - 1]
    assert is_censored == (rank > len(values))
    assert abs(found - exact) <= 0.004 * exact


@given(VALUES, VALUES, VALUES)
def test_merging_is_the_same_bytes_in_any_order(first, second, third):
    def merged(*parts):
        total = Histogram()
        for part in parts:
            total.merge(filled(part))
        return json.dumps(total.to_dict())

    assert merged(first, second, third) == merged(third, first, second)
    assert merged(first, second, third) == json.dumps(filled(first + second + third).to_dict())


@given(VALUES, VALUES)
def test_a_histogram_travels_as_serialization(values, censored):
    histogram = filled(values, censored)
    again = Histogram.from_dict(json.loads(json.dumps(histogram.to_dict())))
    assert again.to_dict() == histogram.to_dict()


def test_a_percentile_needs_ten_samples_beyond_it():
    summary = filled(range(1_000, 200_000, 1_000)).summary()
    assert summary["count"] == 199
    assert summary["p90"] is not None
    assert summary["p95"] is None
    assert filled(range(1_000, 201_000, 1_000)).summary()["p95"] is not None


def test_a_percentile_that_falls_on_lost_ones_is_named():
    summary = filled([1_000] * 90, [7_000_000] * 110).summary()
    assert summary["censored"] == ["p50", "p90", "p95"]
    assert abs(summary["p50"] - 7_000) < 28


def test_extremes_are_exact():
    summary = filled([1_001, 5_003, 123_457]).summary()
    assert (summary["min"], summary["max"]) == (1.001, 123.457)


@given(VALUES, st.integers(1, 10**9))
def test_the_number_of_values_from_a_limit_on_is_between_two_counts(values, limit):
    at_least, at_most = filled(values).count_from(limit)
    assert at_least <= sum(value >= limit for value in values) <= at_most
    same_bucket = sum(bucket_of(value) == bucket_of(limit) for value in values)
    assert at_most - at_least in (0, same_bucket)


def test_the_edge_of_a_bucket_is_exact():
    limit = lower_edge_of(bucket_of(500_000))
    assert filled([limit - 1, limit, limit + 1]).count_from(limit) == (2, 2)
    assert filled([limit, limit + 1]).count_from(limit + 1) == (0, 2)
    assert filled([100, 255], [7]).count_from(200) == (1, 1)


def test_a_void_histogram_keeps_only_its_count():
    histogram = filled([5, 70_000], [9])
    histogram.void()
    assert (histogram.count, histogram.buckets, histogram.censored_count) == (3, {0: 2}, 1)
    assert (histogram.min_us, histogram.max_us) == (0, 0)
    empty = Histogram()
    empty.void()
    assert (empty.count, empty.max_us) == (0, None)


def test_nothing_has_no_quantile():
    assert Histogram().quantile_us(0.5) is None
