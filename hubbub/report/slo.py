"""Objectives: any figure of `summary.json`, held against a limit, over the run or over every window of it.

    response.p95 < 300 over 30s abort after 10s
    figure       limit      window   ends the run when it is broken, from 10 s on

Every figure has two ends: what the generator itself may have caused lies between them. An objective *holds* if both
are on the right side of its limit, is *broken* if both are on the wrong one, and else is *open* (ISO 10576-1:2003, 5).

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
from hubbub.metrics.histogram import milliseconds
from hubbub.report.figures import FIGURE, SERIES_BY_NAME, SOURCES, WHOLES, Ends, check_figure, quantile_of

if TYPE_CHECKING:
    from hubbub.report.run_result import RunResult

_FORM = re.compile(
    r"(?P<figure>[a-z_]+\.[a-z0-9_.]+)\s*(?P<operator><=|>=|<|>|==)\s*(?P<limit>\d+(?:\.\d+)?)\s*(?P<unit>%|ms|s|m|h|)"
    r"(?:\s+over\s+(?P<window>\S+))?(?P<abort>\s+abort(?:\s+after\s+(?P<delay>\S+))?)?"
)
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_PARTS = (
    ("the figure", r"[a-z_]+\.[a-z0-9_.]+"),
    ("the sign (<, <=, ==, >= or >)", r"\s*(<=|>=|<|>|==)"),
    ("the limit", r"\s*\d+(\.\d+)?\s*(%|ms\b|s\b|m\b|h\b|(?=\s|$))"),
    ("what follows the limit", r"(\s+over\s+\S+)?(\s+abort(\s+after\s+\S+)?)?$"),
)
"""An objective, part by part: what is not understood is named."""

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
HOLDS, BROKEN, OPEN = "holds", "broken", "open"
_SEVERITY = {HOLDS: 0, OPEN: 1, BROKEN: 2}

MIN_TOLERANCE_US, TOLERANCE_SHARE = 1_000, 0.1
"""A low end is evidence if its message was sent at most so late: the larger of 1 ms and a tenth of the limit."""

MAX_STATES_PER_WINDOW = 60
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
    def name(self) -> str:
        return self.figure.partition(".")[2]

    @property
    def quantile(self) -> float | None:
        """For a percentile or the maximum of a time series: which one, 0 to 1."""
        return quantile_of(self.name) if self.section in SERIES_BY_NAME else None

    @property
    def is_time(self) -> bool:
        """Whether the limit is in milliseconds."""
        return self.section in SERIES_BY_NAME and self.name != "count"

    @property
    def is_about_us(self) -> bool:
        """Whether the figure is the generator's own, so that it says nothing against a backend."""
        known = SERIES_BY_NAME.get(self.section) or FIGURE[self.figure]
        return known.is_about_us

    @property
    def limit_text(self) -> str:
        window = "" if self.window_us is None else f" over {self.window_us / 1e6:g}s"
        return f"{self.operator} {self.limit:g}{'%' if self.is_percent else ''}{window}"

    @property
    def too_slow_us(self) -> int:
        """For a time: the smallest number of microseconds that breaks the limit."""
        return round(self.limit * 1_000) + (self.operator == "<=")

    @property
    def tolerance_us(self) -> int:
        """For a time: how late a message may be sent for its low end to be evidence."""
        return max(MIN_TOLERANCE_US, round(TOLERANCE_SHARE * self.limit * 1_000))

    def judge(self, low: float, high: float) -> str:
        """Whether every value from `low` to `high` is on the right side of the limit, none is, or some are."""
        is_met = _OPERATORS[self.operator]
        if is_met(low, self.limit) and is_met(high, self.limit):
            return HOLDS
        nearest = min(max(self.limit, low), high) if self.operator == "==" else low if "<" in self.operator else high
        return OPEN if is_met(nearest, self.limit) else BROKEN


@dataclass(frozen=True, slots=True)
class Shares:
    """For a percentile: of `count` values, how many are surely over the limit, possibly, and allowed to be."""

    count: int
    surely: int
    possibly: int
    allowed: int


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one objective. `value`, and the `low` and `high` end, are in its unit; None if not measured."""

    name: str
    limit: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    result: str = OPEN
    shares: Shares | None = None

    @property
    def is_measured(self) -> bool:
        return self.value is not None

    def to_dict(self) -> dict[str, Any]:
        """As `summary.json` has it."""
        return {name: value for name, value in asdict(self).items() if name != "shares"}


def parse_objectives(texts: Iterable[str]) -> list[Objective]:
    """Objectives from their texts; a later one takes the place of an earlier one for the same figure and window.

    Raises ConfigError.
    """
    found: dict[tuple[str, int | None], Objective] = {}
    for text in texts:
        objective = _parse(text)
        found[objective.figure, objective.window_us] = objective
    return list(found.values())


EXAMPLES = "'response.p95 < 300ms', 'connections.failed <= 1%' or 'response.p99 < 800 over 30s abort after 10s'"


def _parse(text: str) -> Objective:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"slo must be like {EXAMPLES}, and {_first_wrong(text.strip())} of {text!r} is not.")
    window_us = parse_duration_us(match["window"], "the slo's window") if match["window"] else None
    if window_us == 0:
        raise ConfigError(f"slo: the window of {text!r} must be longer than 0.")
    objective = Objective(
        match["figure"],
        match["operator"],
        float(match["limit"]) * _MILLISECONDS.get(match["unit"], 1),
        match["unit"] == "%",
        window_us,
        bool(match["abort"]),
        parse_duration_us(match["delay"], "the slo's delay") if match["delay"] else 0,
    )
    section = objective.section
    check_figure(objective.figure)
    if match["unit"] in _MILLISECONDS and not objective.is_time:
        raise ConfigError(f"slo: {objective.figure} is no time; leave {match['unit']!r} out.")
    if objective.window_us is not None and section == "health":
        raise ConfigError(f"slo: {objective.figure} is a figure of the whole run; leave `over` out.")
    if objective.is_percent and section not in WHOLES:
        raise ConfigError(f"slo: {objective.figure} has no whole that it is a share of; leave the % out.")
    if objective.quantile is not None and objective.operator not in ("<", "<="):
        raise ConfigError(f"slo: {objective.figure} is a time, which has an upper limit: write < or <= instead.")
    return objective


def _first_wrong(text: str) -> str:
    """The part of an objective that is not understood, with what stands there."""
    at = 0
    for part, pattern in _PARTS:
        found = re.compile(pattern).match(text, at)
        if found is None:
            return f"{part} ({text[at:].strip() or 'missing'})"
        at = found.end()
    return "something"


def tolerances_us(objectives: Iterable[Objective]) -> list[int]:
    """The send lags that some objectives tell apart, ascending: the ledger sorts low ends by them."""
    timed = [objective for objective in objectives if objective.quantile is not None]
    return sorted({each.tolerance_us for each in timed if SERIES_BY_NAME[each.section].is_delivery})


def evaluate(objective: Objective, run_result: RunResult) -> Result:
    """Hold an objective against a whole run, or a window of one."""
    if objective.quantile is not None:
        result = _judge_percentile(objective, objective.quantile, run_result)
    else:
        found = _in_unit(objective, run_result)
        if found is None:
            return Result(objective.figure, objective.limit_text)
        value, low, high = found
        result = Result(objective.figure, objective.limit_text, value, low, high, objective.judge(low, high))
    if result.result == BROKEN and objective.is_about_us:
        return replace(result, result=OPEN)
    return result


def _in_unit(objective: Objective, run_result: RunResult) -> Ends | None:
    """A figure that is no percentile, with both ends, in the objective's unit; None if it was not measured."""
    section = objective.section
    if section in SERIES_BY_NAME:
        series, low = run_result.series(section), run_result.low(section)
        if objective.name == "count":
            return (series.count,) * 3
        lowest, highest = milliseconds(low.min_us), milliseconds(series.min_us)
        return None if lowest is None or highest is None else (highest, lowest, highest)
    ends = FIGURE[objective.figure].ends(run_result)
    if ends is None or not objective.is_percent:
        return ends
    whole = SOURCES[section](run_result, WHOLES[section])
    if not whole:
        return None
    value, low_end, high_end = (100 * part / whole for part in ends)
    return value, low_end, high_end


def _judge_percentile(objective: Objective, quantile: float, run_result: RunResult) -> Result:
    """By shares: over the limit are slow values and lost ones; surely so without what the generator may have caused.

    A histogram does not tell on which side of the limit the values of its bucket are: they are possibly over it.
    """
    series, low = run_result.series(objective.section), run_result.low(objective.section)
    count = series.count
    if not count:
        return Result(objective.figure, objective.limit_text)
    on_time = run_result.low(objective.section, objective.tolerance_us)
    surely = on_time.count_from(objective.too_slow_us)[0] + low.censored_count
    possibly = series.count_from(objective.too_slow_us)[1] + series.censored_count
    allowed = int((1 - quantile) * count + 1e-6)
    result = HOLDS if possibly <= allowed else BROKEN if surely > allowed else OPEN
    found, low_found = series.quantile_us(quantile), low.quantile_us(quantile)
    value, low_value = milliseconds(found[0] if found else None), milliseconds(low_found[0] if low_found else None)
    shares = Shares(count, surely, possibly, allowed)
    return Result(objective.figure, objective.limit_text, value, low_value, value, result, shares)


class Watch:
    """Holds objectives against a run while it goes on. Give it the run_result so far once a second, and at its end."""

    def __init__(self, objectives: list[Objective]) -> None:
        self.objectives = objectives
        windows = {objective.window_us for objective in objectives if objective.window_us is not None}
        self._past: dict[int, deque[tuple[int, RunResult]]] = {window_us: deque() for window_us in windows}
        self._worst: dict[Objective, Result] = {}

    @property
    def is_needed(self) -> bool:
        """Whether any objective has to be looked at before the run is over."""
        return any(objective.window_us is not None or objective.is_aborting for objective in self.objectives)

    def observe(self, elapsed_us: int, run_result: RunResult) -> str:
        """Look at the run as it is now; returns why it must end, or nothing."""
        problem = ""
        for objective in self.objectives:
            result = self._look(objective, elapsed_us, run_result)
            is_broken = result is not None and result.result == BROKEN
            if is_broken and objective.is_aborting and elapsed_us >= objective.delay_us:
                text = f"{objective.figure} {objective.limit_text} was broken after {elapsed_us / 1e6:.0f} s"
                problem = problem or text
        for window_us in self._past:
            self._remember(window_us, elapsed_us, run_result)
        return problem

    def _remember(self, window_us: int, elapsed_us: int, run_result: RunResult) -> None:
        """Keep the states that a window may begin with: a long one is no reason to keep one of every second."""
        past = self._past[window_us]
        if not past:
            past.append((0, run_result.blank()))
        if elapsed_us - past[-1][0] >= window_us // MAX_STATES_PER_WINDOW:
            past.append((elapsed_us, run_result))
        while len(past) > 1 and elapsed_us - past[1][0] >= window_us:
            past.popleft()

    def _look(self, objective: Objective, elapsed_us: int, run_result: RunResult) -> Result | None:
        if objective.window_us is None:
            return evaluate(objective, run_result)
        past = self._past[objective.window_us] or [(0, run_result.blank())]
        before = [state for at_us, state in past if elapsed_us - at_us >= objective.window_us]
        if not before:
            return None
        window = run_result.since(before[-1])
        result = evaluate(objective, window)
        known = self._worst.get(objective)
        if known is None or _SEVERITY[result.result] > _SEVERITY[known.result]:
            self._worst[objective] = result
        return result

    def results(self, run_result: RunResult) -> list[tuple[Objective, Result]]:
        """The result of every objective, now that the run is over."""
        return [(objective, self._final(objective, run_result)) for objective in self.objectives]

    def _final(self, objective: Objective, run_result: RunResult) -> Result:
        if objective.window_us is None:
            return evaluate(objective, run_result)
        return self._worst.get(objective, Result(objective.figure, objective.limit_text))
