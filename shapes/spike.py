"""A calm crowd, a sudden rush, calm again: does the backend recover?

      _
     | |
_____| |_____
"""

from __future__ import annotations

from hubbub import Curve, join_stages


def spike(peak: int, duration_us: int) -> Curve:
    """A fifth of the peak, the whole peak for the middle fifth of the duration, a fifth again."""
    return join_stages("spike", duration_us, [(0.4, 0.2, 0.2), (0.6, 1, 1), (1, 0.2, 0.2)], peak)
