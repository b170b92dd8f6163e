"""Load shapes: how the number of clients changes over time. One file per shape; `SHAPES` finds them by name."""

from __future__ import annotations

from collections.abc import Callable

from hubbub.pacing.curve import Curve
from shapes.daily import daily
from shapes.ramp import ramp
from shapes.soak import soak
from shapes.spike import spike
from shapes.steps import steps

SHAPES: dict[str, Callable[[int, int], Curve]] = {
    "ramp": ramp,
    "steps": steps,
    "spike": spike,
    "soak": soak,
    "daily": daily,
}
"""Each makes a curve from a peak number of clients and a duration in microseconds."""
