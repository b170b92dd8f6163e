"""How many clients there are, and when: a load shape as a pure function of elapsed time.

A curve is a list of stages that join: each leads in a straight line from one number of clients to another. `shapes/`
holds one curve per file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubbub.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Stage:
    """From `start_us` to `end_us` the clients go from `first` to `last`; a step if the two are equal."""

    start_us: int
    end_us: int
    first: int
    last: int

    def clients_at(self, elapsed_us: int) -> int:
        share = (elapsed_us - self.start_us) / (self.end_us - self.start_us)
        return round(self.first + (self.last - self.first) * share)


@dataclass(frozen=True, slots=True)
class Curve:
    """A load shape scaled to a peak and a duration."""

    name: str
    stages: tuple[Stage, ...]

    @property
    def duration_us(self) -> int:
        return self.stages[-1].end_us

    def clients_at(self, elapsed_us: int) -> int | None:
        """The number of clients at a time since the start; None when the curve is over."""
        for stage in self.stages:
            if elapsed_us < stage.end_us:
                return stage.clients_at(max(elapsed_us, stage.start_us))
        return None

    def schedule(self) -> list[str]:
        """One line per stage, for people."""
        lines = []
        for number, stage in enumerate(self.stages, 1):
            start, end = stage.start_us / 1e6, stage.end_us / 1e6
            change = f"{stage.first} -> {stage.last}" if stage.first != stage.last else f"{stage.last}"
            lines.append(f"stage {number}: {start:g}s to {end:g}s, {change} clients")
        return lines

    def check(self, spawn_rate: float) -> None:
        """Raise ConfigError naming the first stage that this spawn rate cannot follow.

        A step has to be reached within the stage that begins with it, a slope must not be steeper than the rate.
        """
        before = 0
        for number, stage in enumerate(self.stages, 1):
            seconds = (stage.end_us - stage.start_us) / 1e6
            needed = max(abs(stage.first - before), abs(stage.last - stage.first)) / seconds
            if needed > spawn_rate:
                raise ConfigError(
                    f"shape {self.name}, stage {number} ({stage.start_us / 1e6:g}s to {stage.end_us / 1e6:g}s) goes to "
                    f"{max(stage.first, stage.last)} clients, which needs a spawn rate of {needed:g}/s; it is "
                    f"{spawn_rate:g}/s. Raise --spawn-rate or the duration."
                )
            before = stage.last


def join_stages(name: str, duration_us: int, points: Sequence[tuple[float, float, float]], peak: int) -> Curve:
    """A curve of stages given as (share of the duration at which it ends, first, last as shares of the peak)."""
    stages, start_us = [], 0
    for end, first, last in points:
        end_us = round(end * duration_us)
        stages.append(Stage(start_us, end_us, max(1, round(first * peak)), max(1, round(last * peak))))
        start_us = end_us
    return Curve(name, tuple(stages))
