"""Every figure of a run, once: a new one is a new row, and summary, objectives, console, verdict and docs have it.

A count has two ends: without what the generator itself may have caused, and with it. A time series has its percentiles;
which ones is asked for when they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubbub.errors import ConfigError
from hubbub.metrics.phase_stats import PHASE_SERIES

if TYPE_CHECKING:
    from hubbub.report.run_result import RunResult

Ends = tuple[float, float, float]
"""A figure as it was counted, and its two ends."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a run: its section and name in `summary.json`, and what it is.

    `own` names the counter of its part that the generator may have caused; `lacks` that of failures which might have
    been such a success. `fault` is what the verdict says of it: if there is any, there is evidence against the backend,
    whatever the generator's health. `is_shown` puts it on the console where it is not 0. `is_about_us`: it says nothing
    against a backend. `read` takes it from a result where its section has no counter of its name.
    """

    section: str
    name: str
    help: str
    own: str = ""
    lacks: str = ""
    fault: str = ""
    is_shown: bool = False
    is_about_us: bool = False
    read: Callable[[RunResult], float | None] | None = None

    @property
    def key(self) -> str:
        """As an objective names it."""
        return f"{self.section}.{self.name}"

    def value(self, run_result: RunResult) -> float | None:
        """The figure in the unit of `summary.json`; None if it was not measured."""
        if self.read is not None:
            return self.read(run_result)
        found: float | None = SOURCES[self.section](run_result, self.name)
        return found

    def ends(self, run_result: RunResult) -> Ends | None:
        """The figure, without what the generator may have caused, and with it; None if it was not measured."""
        value = self.value(run_result)
        if value is None:
            return None
        read = SOURCES[self.section]
        fewer = read(run_result, self.own) if self.own else 0
        more = read(run_result, self.lacks) if self.lacks else 0
        return value, value - fewer, value + more


def _of_errors(run_result: RunResult, name: str) -> float:
    phase_stats = run_result.phase_stats
    return {"count": phase_stats.error_count, "own": phase_stats.own_error_count, "attempts": phase_stats.attempts}[
        name
    ]


def _of_health(run_result: RunResult, name: str) -> float | None:
    return run_result.health_figures()[name]


def _applied(run_result: RunResult) -> float | None:
    applied = run_result.attendance.applied
    return None if applied is None else round(applied, 4)


SOURCES: dict[str, Any] = {
    "clients": lambda run_result, name: getattr(run_result.attendance, name),
    "connections": lambda run_result, name: getattr(run_result.phase_stats.connections, name),
    "messages": lambda run_result, name: getattr(run_result.counts, name),
    "deliveries": lambda run_result, name: getattr(run_result.counts, name),
    "typing": lambda run_result, name: getattr(run_result.counts, f"typing_{name}"),
    "presence": lambda run_result, name: getattr(run_result.phase_stats.connections, f"presence_{name}"),
    "errors": _of_errors,
    "health": _of_health,
}
"""Where the figures of a section are kept."""

WHOLES = {
    "clients": "asked",
    "connections": "attempted",
    "messages": "planned",
    "deliveries": "due",
    "typing": "due",
    "presence": "told",
    "errors": "attempts",
}
"""What a percentage of a section's figures is a share of."""

FIGURES = (
    Figure("clients", "asked", "the most clients that were asked for at once"),
    Figure("clients", "ready", "how many of them were ever ready"),
    Figure("clients", "lost", "clients that ended before the run did, for any reason", is_about_us=True),
    Figure(
        *("clients", "applied", "share of the asked client-seconds in which the client was ready"),
        is_about_us=True,
        read=_applied,
    ),
    Figure("connections", "attempted", "attempts to connect, retries included"),
    Figure("connections", "succeeded", "connections that the backend accepted", lacks="failed_unproven"),
    Figure("connections", "failed", "attempts that did not succeed", own="failed_unproven"),
    Figure("connections", "dropped", "connections that ended while they chatted", own="dropped_unproven"),
    Figure("connections", "throttled", "calls for them that had to wait for a limit (HTTP 429)", is_shown=True),
    Figure("connections", "ready", "clients that were ever ready", lacks="failed_unproven"),
    Figure("connections", "ready_at_end", "clients that were ready when the sending window closed"),
    Figure("connections", "never_back", "clients whose connection ended, and that were not ready again by then"),
    Figure("messages", "planned", "messages that the senders' plans asked for"),
    Figure("messages", "sent", "messages written to a socket"),
    Figure("messages", "unsent", "planned, and not sent when sending stopped", is_shown=True, is_about_us=True),
    Figure("messages", "confirmed", "seen by anyone, or found in the history", lacks="indefinite_unproven"),
    Figure("messages", "refused", "not seen, and the backend said so", is_shown=True),
    Figure("messages", "throttled", "not seen, and the backend named a rate limit", is_shown=True),
    Figure(
        *("messages", "vanished", "not seen, not refused, though the connection lived"),
        fault="messages vanished: sent, never seen by anyone, never refused",
        is_shown=True,
    ),
    Figure(
        *("messages", "indefinite", "not seen, and the connection died before that could be told"),
        own="indefinite_unproven",
        is_shown=True,
    ),
    Figure("messages", "pending", "not decided yet; 0 once the run is over"),
    Figure("deliveries", "due", "deliveries to connections that were ready"),
    Figure("deliveries", "expected", "due without excused"),
    Figure("deliveries", "delivered", "first copies that arrived where they were due", lacks="lost_unproven"),
    Figure("deliveries", "lost", "due, and never arrived", own="lost_unproven"),
    Figure("deliveries", "excused", "due, and the connection left or died too soon", is_shown=True),
    Figure("deliveries", "received", "frames that brought a message, of every class"),
    Figure("deliveries", "optional", "first copies that arrived where they were not due", is_shown=True),
    Figure("deliveries", "recovered", "delivered ones that were missed, and came after a reconnect", is_shown=True),
    Figure("deliveries", "caught_up", "optional ones of messages that were sent after an outage", is_shown=True),
    Figure("deliveries", "duplicated", "second copies", fault="deliveries came twice", is_shown=True),
    Figure(
        *("deliveries", "out_of_order", "first copies after a later message of the same sender"),
        fault="deliveries came out of order",
        is_shown=True,
    ),
    Figure(
        *("deliveries", "leaked", "arrived at an account that is not a member"),
        fault="deliveries reached an account that is not a member",
        is_shown=True,
    ),
    Figure("deliveries", "corrupt", "came without a valid tag", fault="deliveries were corrupt", is_shown=True),
    Figure("deliveries", "foreign", "of another run, or of senders outside the run", is_shown=True),
    Figure("deliveries", "late", "arrived after they had been decided lost or excused", is_shown=True),
    Figure("presence", "told", "times that a client was told that an account of this run is online or not"),
    Figure("presence", "wrong", "said to be offline, connected all the same, and not put right in 5 s", is_shown=True),
    Figure("typing", "sent", "times that a client told that it types, or does not any more"),
    Figure("typing", "due", "tellings of that to the others that were ready"),
    Figure("typing", "told", "those that arrived with the right state"),
    Figure("typing", "stateless", "arrived without a state", is_shown=True),
    Figure("typing", "wrong", "arrived, and nothing of the kind had been sent, or it had come already", is_shown=True),
    Figure("typing", "missed", "never arrived", is_shown=True),
    Figure("typing", "excused", "did not arrive, and the member left before the end"),
    Figure("typing", "stuck", "members that were shown another state than the last one at the end", is_shown=True),
    Figure("errors", "count", "errors of every class", own="own"),
    Figure("health", "clean_ratio", "share of the time in which the generator was healthy", is_about_us=True),
    Figure("health", "cpu_max", "most CPU in a second, as a share of a core", is_about_us=True),
    Figure("health", "loop_lag_p99_ms", "how late the event loop was", is_about_us=True),
    Figure("health", "dropped_by_us", "frames that the generator dropped", is_about_us=True),
)
FIGURE = {figure.key: figure for figure in FIGURES}


@dataclass(frozen=True, slots=True)
class Series:
    """A time series, in milliseconds. `is_delivery`: the low end of each delivery is known (low_ends.py)."""

    name: str
    help: str
    is_delivery: bool = False
    is_about_us: bool = False
    is_shown: bool = True


SERIES = (
    Series("response", "from the intended time to the receipt: the headline", is_delivery=True),
    Series("delivery", "from the send to the receipt", is_delivery=True),
    Series("send_lag", "from the intended time to the send: the generator's own part", is_about_us=True),
    Series("room_complete", "from the intended time to the last due receipt", is_delivery=True, is_shown=False),
    *(
        Series(name, f"the phase {name}, from its start to its success", is_shown=name in ("connect", "join"))
        for name in PHASE_SERIES
        if name not in ("reconnect", "post")
    ),
    Series("reconnect", "from the loss of a connection until it is ready again"),
    Series("recovery", "from when a connection is ready again to the receipt of what it had missed", is_delivery=True),
    Series("post", "a message sent over HTTP, until the backend's answer"),
)
SERIES_BY_NAME = {series.name: series for series in SERIES}

STATISTICS = ("count", "min", "max")
_PERCENTILE = re.compile(r"p(\d{1,2})(?:[._](\d{1,6}))?")


def quantile_of(statistic: str) -> float | None:
    """Which quantile a statistic of a series is, 0 to 1: `p95`, `p99.9` or `p99_9`, `max`; None for count and min."""
    found = _PERCENTILE.fullmatch(statistic)
    if found is None:
        return 1.0 if statistic == "max" else None
    return float(f"0.{int(found[1]):02d}{found[2] or ''}")


def names_of(section: str) -> list[str]:
    """The figures of a section, in order."""
    return [figure.name for figure in FIGURES if figure.section == section]


def check_figure(key: str) -> None:
    """Raise ConfigError unless an objective can name the figure `section.name`; say which ones there are."""
    section, _, name = key.partition(".")
    if section in SERIES_BY_NAME:
        if name in STATISTICS or quantile_of(name):
            return
        choices = f"{section} has {', '.join(STATISTICS)} and percentiles such as p50, p95 or p99.9"
    elif names := names_of(section):
        if name in names:
            return
        choices = f"{section} has {', '.join(names)}"
    else:
        choices = f"there are {', '.join([*SOURCES, *SERIES_BY_NAME])}"
    raise ConfigError(f"slo: there is no figure {key!r}; {choices}.")
