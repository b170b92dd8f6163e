"""Up quickly, then the same load for a long time: does anything leak?

  ______________
/
"""

from __future__ import annotations

from hubbub import Curve, join_stages


def soak(peak: int, duration_us: int) -> Curve:
    """Rises for 5 % of the duration, then holds 80 % of the peak to the end."""
    return join_stages("soak", duration_us, [(0.05, 0, 0.8), (1, 0.8, 0.8)], peak)
