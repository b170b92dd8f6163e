"""Up to the peak, stay, and down again: where does it begin to hurt?

         ______
        /      \\
      /          \\
    /              \\
"""

from __future__ import annotations

from hubbub import Curve, join_stages


def ramp(peak: int, duration_us: int) -> Curve:
    """Rises for 40 % of the duration, holds the peak for 40 %, falls for 20 %."""
    return join_stages("ramp", duration_us, [(0.4, 0, 1), (0.8, 1, 1), (1, 1, 0)], peak)
