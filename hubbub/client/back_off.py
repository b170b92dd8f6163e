"""How long a client waits before it tries again to get ready."""

from __future__ import annotations

FIRST_PAUSE_S = 0.5
"""A person reloads the page about that soon."""

MAX_PAUSE_S = 10.0
"""A backend that comes back within a run has its clients again before the run is over."""


def back_off_s(failures: int, client: int) -> float:
    """The pause after so many failures in a row: half a second, doubled each time, at most ten.

    It differs by up to a quarter between clients, so that they do not come back all at once.
    """
    pause_s = min(FIRST_PAUSE_S * 2.0 ** (failures - 1), MAX_PAUSE_S)
    return pause_s * (0.75 + (client * 7919 % 100) / 200)
