"""Little's law as a check of ourselves: mean in flight = rate x mean time (Little, Operations Research 9(3), 1961).

How many deliveries are on their way is sampled at random times, from the ledger's open deliveries; rate and mean time
come from the histogram of what has arrived. If the two do not agree, one of them is wrong.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt

from hubbub.metrics.histogram import Histogram, middle_of

DISAGREEMENT = 0.1
SIGMAS = 4.0
"""The samples scatter: a disagreement within so many of their standard errors is no evidence of one."""

MIN_SAMPLES = 30


@dataclass
class InFlight:
    """Samples of how many deliveries are on their way: their number, sum and sum of squares, and how long they span.

    Workers add up: their means are the run's together, and their spans are about the same.
    """

    samples: int = 0
    total: int = 0
    squares: int = 0
    span_us: int = 0
    late_us: int = 0

    def sample(self, count: int, since_last_us: int, late_us: int = 0) -> None:
        """So many deliveries are on their way now, so long after the sample before (0 for the first).

        The sample is taken so late: not at a random time, but when what kept it from that was over.
        """
        self.span_us += since_last_us
        self.late_us += late_us
        self.samples += 1
        self.total += count
        self.squares += count * count

    def merge(self, other: InFlight) -> None:
        """Add another worker's samples."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def disagreement(self, delivery: Histogram, workers: int, burst: float = 1.0) -> str:
        """What does not fit, in a sentence; nothing if it fits, or if there is too little to tell.

        `burst` is how many deliveries set out together. What is rare may be in no sample at all, so these scatter at
        least as much as such bursts at random times would make them.
        """
        workers = max(1, workers)
        span_us = self.span_us / workers
        if self.samples < MIN_SAMPLES or not span_us or delivery.censored_count:
            return ""
        mean = self.total / self.samples
        seen = mean * workers
        total_us = sum(middle_of(bucket) * count for bucket, count in delivery.buckets.items())
        if self.late_us / self.samples > DISAGREEMENT * total_us / max(1, delivery.count):
            return ""
        expected = total_us / span_us
        variance = max(self.squares / self.samples - mean * mean, burst * expected / workers)
        error = sqrt(variance / self.samples)
        if abs(seen - expected) <= max(DISAGREEMENT * expected, SIGMAS * error * workers):
            return ""
        return (
            f"{seen:.1f} deliveries were in flight on average, and rate x mean delivery time is {expected:.1f} "
            "(Little's law): one of the two is wrong"
        )
