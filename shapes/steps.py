"""A staircase: how does the backend behave at each level?

          ___
      ___|
  ___|
_|
"""

from __future__ import annotations

from hubbub import Curve, join_stages

LEVELS = 5


def steps(peak: int, duration_us: int) -> Curve:
    """Five levels of equal length: 20, 40, 60, 80 and 100 % of the peak."""
    levels = [level / LEVELS for level in range(1, LEVELS + 1)]
    return join_stages("steps", duration_us, [(level, level, level) for level in levels], peak)
