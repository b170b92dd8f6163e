"""Log-linear histograms of integer microseconds.

Values below 256 us have a bucket each; above, every power of two is cut into 128 buckets, so a bucket is at most
1/128 of its value wide and its middle at most 0.4 % off. Merging adds bucket counts: exact, and the same in any order.

A value that is only known to be *at least* something (a delivery that never came) is censored: it ranks above every
observed value, and a percentile that falls on one is a lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add, sub
from typing import Any

SUB_BUCKET_BITS = 7
LINEAR_BELOW_US = 1 << (SUB_BUCKET_BITS + 1)
MAX_US = (1 << 40) - 1
BUCKETS = ((40 - SUB_BUCKET_BITS - 1) << SUB_BUCKET_BITS) + LINEAR_BELOW_US
SAMPLES_BEYOND = 10
"""A percentile with fewer samples beyond it is not reported: a single sample would decide it."""

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}


def bucket_of(value_us: int) -> int:
    """The bucket of a value; negative values count as 0, values above 12 days as 12 days."""
    if value_us < LINEAR_BELOW_US:
        return max(value_us, 0)
    shift = min(value_us, MAX_US).bit_length() - SUB_BUCKET_BITS - 1
    return (shift << SUB_BUCKET_BITS) + (min(value_us, MAX_US) >> shift)


TABLE_US = 1 << 16
_TABLE = tuple(bucket_of(value_us) for value_us in range(TABLE_US))
"""The buckets of the values that are common, because looking one up is cheaper than computing it."""


def lower_edge_of(bucket: int) -> int:
    """The smallest value of a bucket, in microseconds."""
    if bucket < LINEAR_BELOW_US:
        return bucket
    shift = (bucket >> SUB_BUCKET_BITS) - 1
    return (bucket - (shift << SUB_BUCKET_BITS)) << shift


def middle_of(bucket: int) -> float:
    """The value that stands for a bucket, in microseconds."""
    shift = max(0, (bucket >> SUB_BUCKET_BITS) - 1)
    return lower_edge_of(bucket) + ((1 << shift) - 1) / 2


class Histogram:
    """Counts of values by bucket, observed and censored, with the exact extremes of the observed."""

    __slots__ = ("_highest", "_lowest", "_observed", "censored")

    def __init__(self) -> None:
        self._observed = [0] * BUCKETS
        self.censored: dict[int, int] = {}
        self._lowest = MAX_US
        self._highest = -1

    def record(self, value_us: int) -> None:
        """Add one observed value; a negative one counts as 0."""
        if 0 <= value_us < TABLE_US:
            self._observed[_TABLE[value_us]] += 1
        else:
            value_us = max(value_us, 0)
            self._observed[bucket_of(value_us)] += 1
        if value_us < self._lowest:  # noqa: PLR1730 - min() costs a call
            self._lowest = value_us
        if value_us > self._highest:  # noqa: PLR1730
            self._highest = value_us

    def record_since(self, origin_us: int, times_us: Sequence[int]) -> None:
        """Add how long after `origin_us` each of some times is, in any order: what many calls of `record` would do."""
        lowest, highest = min(times_us) - origin_us, max(times_us) - origin_us
        if lowest < 0 or highest >= TABLE_US:
            for time_us in times_us:
                self.record(time_us - origin_us)
            return
        observed, table = self._observed, _TABLE
        for time_us in times_us:
            observed[table[time_us - origin_us]] += 1
        self._lowest = min(self._lowest, lowest)
        self._highest = max(self._highest, highest)

    @property
    def buckets(self) -> dict[int, int]:
        """The observed values: counts by bucket, without the empty ones."""
        span = self._span
        return {bucket: count for bucket, count in enumerate(self._observed[span], span.start) if count}

    @property
    def _span(self) -> slice:
        """The buckets from that of the lowest value to that of the highest: all others are empty."""
        return slice(bucket_of(self._lowest), bucket_of(self._highest) + 1) if self._highest >= 0 else slice(0, 0)

    @property
    def min_us(self) -> int | None:
        """The smallest observed value, exact."""
        return self._lowest if self._highest >= 0 else None

    @property
    def max_us(self) -> int | None:
        """The largest observed value, exact."""
        return self._highest if self._highest >= 0 else None

    def censor(self, at_least_us: int, count: int = 1) -> None:
        """Add `count` values of which only a lower bound is known."""
        bucket = bucket_of(at_least_us)
        self.censored[bucket] = self.censored.get(bucket, 0) + count

    @property
    def count(self) -> int:
        """How many values were observed or censored."""
        return sum(self._observed[self._span]) + self.censored_count

    def clear(self) -> None:
        """Forget all values."""
        span = self._span
        self._observed[span] = [0] * (span.stop - span.start)
        self.censored.clear()
        self._lowest, self._highest = MAX_US, -1

    def void(self) -> None:
        """Make every observed value 0, because nothing is known of them but that there are so many."""
        count = sum(self._observed[self._span])
        censored = self.censored
        self.censored = {}
        self.clear()
        self.censored = censored
        if count:
            self._observed[0] = count
            self._lowest = self._highest = 0

    def merge(self, other: Histogram) -> None:
        """Add another histogram's values to this one."""
        span = other._span
        self._observed[span] = map(add, self._observed[span], other._observed[span])
        for bucket, count in other.censored.items():
            self.censored[bucket] = self.censored.get(bucket, 0) + count
        self._lowest = min(self._lowest, other._lowest)
        self._highest = max(self._highest, other._highest)

    def since(self, earlier: Histogram) -> Histogram:
        """The values that came after an earlier state of this histogram; their extremes are as exact as buckets."""
        later = Histogram()
        span = self._span
        later._observed[span] = map(sub, self._observed[span], earlier._observed[span])
        added = [bucket for bucket, count in enumerate(later._observed[span], span.start) if count]
        if added:
            later._lowest, later._highest = round(middle_of(added[0])), round(middle_of(added[-1]))
        counts = {bucket: count - earlier.censored.get(bucket, 0) for bucket, count in self.censored.items()}
        later.censored = {bucket: count for bucket, count in counts.items() if count}
        return later

    def quantile_us(self, quantile: float) -> tuple[float, bool] | None:
        """The value at `quantile` (0 to 1) and whether it is only a lower bound; None when nothing was recorded.

        The value is the one of rank ceil(quantile * count), as in a sorted list of all values, censored ones last.
        """
        total = self.count
        if not total:
            return None
        rank = max(1, -int(-quantile * total // 1))
        for buckets, is_censored in ((self.buckets, False), (self.censored, True)):
            for bucket in sorted(buckets):
                rank -= buckets[bucket]
                if rank <= 0:
                    return middle_of(bucket), is_censored
        raise AssertionError("unreachable: the ranks add up to the count")

    def count_from(self, limit_us: int) -> tuple[int, int]:
        """How many observed values are `limit_us` or more: at least, and at most. The limit's bucket may be either."""
        edge = bucket_of(limit_us)
        above = sum(self._observed[edge + 1 :])
        at_edge = self._observed[edge]
        return above + (at_edge if lower_edge_of(edge) >= limit_us else 0), above + at_edge

    @property
    def censored_count(self) -> int:
        """How many values are only known to be at least something."""
        return sum(self.censored.values())

    def summary(self) -> dict[str, Any]:
        """The series as `summary.json` has it: milliseconds, None where a figure cannot be told."""
        total = self.count
        figures: dict[str, Any] = {"count": total, "min": milliseconds(self.min_us)}
        censored = []
        for name, quantile in PERCENTILES.items():
            found = self.quantile_us(quantile) if total * (1 - quantile) >= SAMPLES_BEYOND - 1e-6 else None
            figures[name] = milliseconds(self._within_extremes(*found)) if found else None
            if found and found[1]:
                censored.append(name)
        return figures | {"max": milliseconds(self.max_us), "censored": censored}

    def _within_extremes(self, value_us: float, is_censored: bool) -> float:
        return value_us if is_censored else min(max(value_us, self._lowest), self._highest)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for msgpack and JSON, in order, so that equal histograms give equal bytes.

        `counts` are those of the buckets from `first_bucket` on.
        """
        span = self._span
        return {
            "first_bucket": span.start,
            "counts": self._observed[span],
            "censored": sorted(self.censored.items()),
            "min_us": self.min_us,
            "max_us": self.max_us,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Histogram:
        histogram = cls()
        first, counts = values["first_bucket"], values["counts"]
        histogram._observed[first : first + len(counts)] = counts
        histogram.censored = {int(bucket): int(count) for bucket, count in values["censored"]}
        if values["max_us"] is not None:
            histogram._lowest, histogram._highest = values["min_us"], values["max_us"]
        return histogram


def milliseconds(value_us: float | None) -> float | None:
    """Microseconds as reports show them; None stays None."""
    return None if value_us is None else round(value_us / 1_000, 3)
