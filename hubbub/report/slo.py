"""Objectives: any figure of `summary.json`, held against a limit, over the run or over every window of it.

    response.p95 < 300 over 30s abort after 10s
    figure       limit      window   ends the run when it is broken, from 10 s on

Percentiles are judged as shares, which any number of samples allows: `response.p95 < 300` means that at most 5 % of the
expected deliveries took 300 ms or longer, or were lost. A limit with `%` is a share of what was tried.
"""

from __future__ import annotations

import operator
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from hubbub.clock import parse_duration_us
from hubbub.errors import ConfigError
from hubbub.metrics.histogram import Histogram, milliseconds
from hubbub.metrics.tally import PHASE_SERIES

if TYPE_CHECKING:
    from hubbub.report.outcome import Outcome

_FORM = re.compile(
    r"(?P<figure>[a-z_]+\.[a-z0-9_]+)\s*(?P<operator><=|<|==)\s*(?P<limit>\d+(?:\.\d+)?)\s*(?P<percent>%?)"
    r"(?:\s+over\s+(?P<window>\S+))?(?P<abort>\s+abort(?:\s+after\s+(?P<delay>\S+))?)?"
)
_OPERATORS: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, "<=": operator.le, "==": operator.eq}
_BASES = {"connections": "attempted", "messages": "planned", "deliveries": "due", "errors": "attempts"}
"""What a percentage of a section's figures is a share of."""

TIMED_SERIES = ("response", "delivery", "send_lag", "room_complete")
SERIES = (*TIMED_SERIES, *PHASE_SERIES)
_PERCENTILE = re.compile(r"p(\d\d)(?:_(\d))?")


KEPT_PER_WINDOW = 60
"""How many past states are kept for the longest window, so that a long one does not fill the memory."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective. `limit` is a number as written: milliseconds, a count, or per cent."""

    figure: str
    operator: str
    limit: float
    is_percent: bool
    window_us: int | None
    is_aborting: bool
    delay_us: int

    @property
    def section(self) -> str:
        return self.figure.partition(".")[0]

    @property
    def quantile(self) -> float | None:
        """For a percentile of a time series: which one, 0 to 1."""
        found = _PERCENTILE.fullmatch(self.figure.partition(".")[2])
        return float(f"0.{found[1]}{found[2] or ''}") if found and self.section in SERIES else None

    @property
    def limit_text(self) -> str:
        window = "" if self.window_us is None else f" over {self.window_us / 1e6:g}s"
        return f"{self.operator} {self.limit:g}{'%' if self.is_percent else ''}{window}"

    def holds(self, value: float) -> bool:
        return _OPERATORS[self.operator](value, self.limit)


@dataclass(frozen=True, slots=True)
class Result:
    """Whether an objective held; `ok` is None when its figure was not measured.

    `value` is the figure in the objective's unit, `share` for a percentile the share of values beyond the limit.
    """

    name: str
    limit: str
    value: float | None
    ok: bool | None
    share: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def parse_objectives(texts: Iterable[str]) -> list[Objective]:
    """Objectives from their texts; a later one takes the place of an earlier one for the same figure and window.

    Raises ConfigError.
    """
    found: dict[tuple[str, int | None], Objective] = {}
    for text in texts:
        objective = _parse(text)
        found[objective.figure, objective.window_us] = objective
    return list(found.values())


def _parse(text: str) -> Objective:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"slo must be like 'response.p95 < 300', 'connections.failed <= 1%' or "
            f"'response.p99 < 800 over 30s abort after 10s', not {text!r}."
        )
    objective = Objective(
        match["figure"],
        match["operator"],
        float(match["limit"]),
        bool(match["percent"]),
        parse_duration_us(match["window"], "the slo's window") if match["window"] else None,
        bool(match["abort"]),
        parse_duration_us(match["delay"], "the slo's delay") if match["delay"] else 0,
    )
    section, _, name = objective.figure.partition(".")
    if name not in figure_names(section):
        known = figure_names(section)
        choices = f"{section} has {', '.join(known)}" if known else f"there are {', '.join(sections())}"
        raise ConfigError(f"slo: there is no figure {objective.figure!r}; {choices}.")
    if objective.window_us is not None and section == "health":
        raise ConfigError(f"slo: {objective.figure} is a figure of the whole run; leave `over` out.")
    if objective.is_percent and section not in _BASES:
        raise ConfigError(f"slo: {objective.figure} has no whole that it is a share of; leave the % out.")
    return objective


def sections() -> list[str]:
    """The first halves of the figures' names."""
    return [*_COUNTS, *SERIES]


def figure_names(section: str) -> list[str]:
    """The figures of a section that an objective may name."""
    if section in SERIES:
        return ["count", "min", "p50", "p90", "p95", "p99", "p99_9", "max"]
    return list(_COUNTS.get(section, ()))


_COUNTS = {
    "connections": ("attempted", "succeeded", "failed", "dropped", "ready"),
    "messages": ("planned", "sent", "unsent", "confirmed", "refused", "throttled", "vanished", "indefinite"),
    "deliveries": (
        *("due", "expected", "delivered", "lost", "excused"),
        *("received", "optional", "duplicated", "out_of_order", "leaked", "corrupt", "foreign", "late"),
    ),
    "health": ("clean_ratio", "cpu_max", "loop_lag_p99_ms", "dropped_by_us"),
    "errors": ("count",),
}


def count_of(outcome: Outcome, section: str, name: str) -> float | None:
    """A figure that is a number of its own, in the units of `summary.json`."""
    if section == "health":
        value = outcome.health_figures()[name]
        return None if value is None else float(value)
    if section == "errors":
        return outcome.tally.error_count if name == "count" else outcome.tally.attempts
    return float(getattr(outcome.tally.connections if section == "connections" else outcome.counts, name))


def evaluate(objective: Objective, outcome: Outcome) -> Result:
    """Hold an objective against a whole run, or a window of one."""
    name, limit = objective.figure, objective.limit_text
    figure = name.partition(".")[2]
    if objective.section in SERIES:
        histogram = outcome.series(objective.section)
        if objective.quantile is not None:
            return _judge_percentile(objective, objective.quantile, histogram)
        value = histogram.summary()[figure] if histogram.count or figure == "count" else None
    else:
        value = count_of(outcome, objective.section, figure)
        if objective.is_percent and value is not None:
            whole = count_of(outcome, objective.section, _BASES[objective.section])
            value = 100 * value / whole if whole else None
    return Result(name, limit, value, None if value is None else objective.holds(value))


def _judge_percentile(objective: Objective, quantile: float, histogram: Histogram) -> Result:
    found = histogram.quantile_us(quantile)
    if found is None:
        return Result(objective.figure, objective.limit_text, None, None)
    limit_us = round(objective.limit * 1_000)
    share = histogram.share_above(limit_us if objective.operator == "<=" else limit_us - 1)
    assert share is not None
    is_held = share <= 1 - quantile + 1e-12
    return Result(objective.figure, objective.limit_text, milliseconds(found[0]), is_held, share)


class Watch:
    """Holds objectives against a run while it goes on. Give it the outcome so far once a second, and at its end."""

    def __init__(self, objectives: list[Objective]) -> None:
        self.objectives = objectives
        windows = {objective.window_us for objective in objectives if objective.window_us is not None}
        self._past: dict[int, deque[tuple[int, Outcome]]] = {window_us: deque() for window_us in windows}
        self._worst: dict[Objective, Result] = {}

    @property
    def is_needed(self) -> bool:
        """Whether any objective has to be looked at before the run is over."""
        return any(objective.window_us is not None or objective.is_aborting for objective in self.objectives)

    def observe(self, elapsed_us: int, outcome: Outcome) -> str:
        """Look at the run as it is now; returns why it must end, or nothing."""
        problem = ""
        for objective in self.objectives:
            result = self._look(objective, elapsed_us, outcome)
            if result is not None and result.ok is False and objective.is_aborting and elapsed_us >= objective.delay_us:
                text = f"{objective.figure} {objective.limit_text} was broken after {elapsed_us / 1e6:.0f} s"
                problem = problem or text
        for window_us in self._past:
            self._remember(window_us, elapsed_us, outcome)
        return problem

    def _remember(self, window_us: int, elapsed_us: int, outcome: Outcome) -> None:
        """Keep the states that a window may begin with: a long one is no reason to keep one of every second."""
        past = self._past[window_us]
        if not past:
            past.append((0, outcome.blank()))
        if elapsed_us - past[-1][0] >= window_us // KEPT_PER_WINDOW:
            past.append((elapsed_us, outcome))
        while len(past) > 1 and elapsed_us - past[1][0] >= window_us:
            past.popleft()

    def _look(self, objective: Objective, elapsed_us: int, outcome: Outcome) -> Result | None:
        if objective.window_us is None:
            return evaluate(objective, outcome)
        past = self._past[objective.window_us] or [(0, outcome.blank())]
        before = [state for at_us, state in past if elapsed_us - at_us >= objective.window_us]
        if not before:
            return None
        window = outcome.since(before[-1])
        result = evaluate(objective, window)
        if result.ok is False and objective.section in TIMED_SERIES:
            is_proven = evaluate(objective, window.of_clean_seconds()).ok is False
            result = result if is_proven else replace(result, ok=None)  # unclean seconds alone prove nothing
        known = self._worst.get(objective)
        if known is None or (result.ok is False and known.ok is not False) or (result.ok is None and known.ok):
            self._worst[objective] = result
        return result

    def results(self, outcome: Outcome) -> list[tuple[Objective, Result]]:
        """What became of every objective, now that the run is over."""
        return [(objective, self._final(objective, outcome)) for objective in self.objectives]

    def _final(self, objective: Objective, outcome: Outcome) -> Result:
        if objective.window_us is None:
            return evaluate(objective, outcome)
        unmeasured = Result(objective.figure, objective.limit_text, None, None)
        return self._worst.get(objective, unmeasured)
