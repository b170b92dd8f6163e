"""The low ends of a time series: what of each time was surely not the generator's own lateness.

A low end counts as evidence of slowness only if its message was sent on time, and how late is too late depends on the
objective that asks. The objectives are agreed before the run, so their tolerances are known: each low end goes to the
histogram of the smallest tolerance that covers its message's send lag. Merging adds histograms, as always.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from hubbub.metrics.histogram import Histogram

NEVER_ON_TIME_US = 1 << 40
"""The tolerance that covers every send lag; no objective has it."""


class LowEnds:
    """One series' low ends, in a histogram for each tolerance of send lag."""

    __slots__ = ("by_tolerance",)

    def __init__(self) -> None:
        self.by_tolerance: dict[int, Histogram] = {}

    def within(self, tolerance_us: int) -> Histogram:
        """Where to record low ends of messages whose send lag is within a tolerance, and within no smaller one."""
        histogram = self.by_tolerance.get(tolerance_us)
        if histogram is None:
            histogram = self.by_tolerance[tolerance_us] = Histogram()
        return histogram

    def all(self) -> Histogram:
        """Every low end, whatever its message's send lag: as many as the series has values."""
        return self.on_time(NEVER_ON_TIME_US)

    def on_time(self, tolerance_us: int) -> Histogram:
        """The low ends of messages whose send lag is known to be within a tolerance."""
        merged = Histogram()
        for covered_us, histogram in self.by_tolerance.items():
            if covered_us <= tolerance_us:
                merged.merge(histogram)
        return merged

    def merge(self, other: LowEnds) -> None:
        """Add another series' low ends to these."""
        for tolerance_us, histogram in other.by_tolerance.items():
            self.within(tolerance_us).merge(histogram)

    def clear(self) -> None:
        """Forget all values."""
        for histogram in self.by_tolerance.values():
            histogram.clear()

    def void(self) -> None:
        """Nothing is known of these low ends any more: each becomes 0, and a censored one stays censored."""
        for histogram in self.by_tolerance.values():
            histogram.void()

    def since(self, earlier: LowEnds) -> LowEnds:
        """The values that came after an earlier state of these low ends."""
        later, nothing = LowEnds(), Histogram()
        for tolerance_us, histogram in self.by_tolerance.items():
            later.by_tolerance[tolerance_us] = histogram.since(earlier.by_tolerance.get(tolerance_us, nothing))
        return later

    def to_dict(self) -> dict[str, Any]:
        """As plain values for msgpack and JSON, in order."""
        return {str(tolerance_us): histogram.to_dict() for tolerance_us, histogram in sorted(self.by_tolerance.items())}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LowEnds:
        low = cls()
        low.by_tolerance = {int(tolerance_us): Histogram.from_dict(value) for tolerance_us, value in values.items()}
        return low


def tolerance_for(lag_us: int, tolerances_us: Sequence[int]) -> int:
    """The smallest of some ascending tolerances that covers a send lag, or NEVER_ON_TIME_US."""
    index = bisect_left(tolerances_us, lag_us)
    return tolerances_us[index] if index < len(tolerances_us) else NEVER_ON_TIME_US
