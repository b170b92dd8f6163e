"""A day in small: a quiet night, a morning rise, a midday dip, an evening peak.

               _
        _    /   \\
      /   \\_/      \\
    _/               \\_
"""

from __future__ import annotations

from itertools import pairwise

from hubbub import Curve, join_stages

HOURS = (10, 8, 6, 5, 5, 8, 15, 30, 50, 65, 70, 68, 60, 62, 66, 70, 76, 84, 92, 100, 98, 80, 50, 25, 10)
"""Per cent of the peak at each full hour from 0 to 24."""


def daily(peak: int, duration_us: int) -> Curve:
    """Twenty-four stages of equal length, each from one hour's level to the next."""
    hours = pairwise(HOURS)
    return join_stages(
        "daily", duration_us, [((n + 1) / 24, first / 100, last / 100) for n, (first, last) in enumerate(hours)], peak
    )
