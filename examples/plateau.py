"""A load shape of one's own. Copy this file into shapes/ and name the function: `--shape plateau`."""

from __future__ import annotations

from hubbub import Curve, join_stages


def plateau(peak: int, duration_us: int) -> Curve:
    """A tenth of the time to climb, eight tenths at the peak, a tenth to come down."""
    return join_stages("plateau", duration_us, [(0.1, 0, 1), (0.9, 1, 1), (1, 1, 0)], peak)
