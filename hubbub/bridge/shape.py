"""A load curve as Locust wants it: a LoadTestShape that follows the run's own clock."""

from __future__ import annotations

from collections.abc import Callable

from locust import LoadTestShape

from hubbub.pacing.curve import Curve


class CurveShape(LoadTestShape):  # type: ignore[misc]
    """Follows `curve` at `spawn_rate`. `elapsed_us` tells the time since the run's window opened, 0 before."""

    use_common_options = True

    def __init__(self, curve: Curve, spawn_rate: float, elapsed_us: Callable[[], int]) -> None:
        super().__init__()
        self._curve = curve
        self._spawn_rate = spawn_rate
        self._elapsed_us = elapsed_us

    def tick(self) -> tuple[int, float] | None:
        """How many users there should be now; None at the end."""
        clients = self._curve.clients_at(self._elapsed_us())
        return None if clients is None else (clients, self._spawn_rate)
