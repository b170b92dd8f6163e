"""A load curve as Locust wants it: a LoadTestShape that follows the run's own clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from locust import LoadTestShape

from hubbub.errors import ConfigError, described
from hubbub.pacing.curve import Curve
from hubbub.suite import load_module


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


def load_shape(path: Path) -> Callable[[int, int], Curve]:
    """The shape of a file: the function of the file's name. Raises ConfigError, whatever the file does."""
    name = path.stem
    try:
        module = load_module(path)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"shape {path}: the file cannot be loaded: {described(error)}.") from error
    make = getattr(module, name, None)
    if not callable(make):
        raise ConfigError(f"shape {path}: expected a function {name}(peak, duration_us) that returns a Curve.")
    return make  # type: ignore[no-any-return]


def curve_of(make: Callable[[int, int], Curve], name: str, peak: int, duration_us: int) -> Curve:
    """The curve of a shape. Raises ConfigError, whatever the function does."""
    try:
        curve: object = make(peak, duration_us)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"shape {name} raised {described(error)}.") from error
    if not isinstance(curve, Curve):
        raise ConfigError(f"shape {name} must return a Curve, not {type(curve).__name__}.")
    return curve
