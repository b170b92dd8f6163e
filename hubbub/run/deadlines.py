"""How long each state of a run may take, and by when the whole run is over at the latest."""

from __future__ import annotations

from hubbub.client.history import BUDGET_S as HISTORY_S
from hubbub.clock import US_PER_SECOND, format_duration
from hubbub.options import Settings
from hubbub.run.states import State
from hubbub.run.worker import CLOSE_TIMEOUT_S

PREPARE_GRACE_S = 2.0
"""The accounts that were made in time are used, and then the workers are told."""

PREFLIGHT_S = 20.0
"""It takes a fraction of a second; a hopeless backend is told within so long."""

SPAWN_GRACE_S = 5.0
"""Beyond the spawn rate and the ready timeout: starting clients in other processes takes its messages."""

BACKLOG_GRACE_S = 1.0
"""What was planned inside the window may leave so long after it."""

REPORT_GRACE_S = 10.0
"""For the final reports, and for the canary to say what it saw."""

HURRIED_S = 1.0
"""After a second Ctrl-C the workers have so long for a last report."""

JUDGE_S = 5.0
"""It takes milliseconds; a disk may hang."""


def deadline_s(state: State, settings: Settings) -> float | None:
    """The longest time in a state, in seconds; None where only a person ends it."""
    if state is State.PREPARE:
        preflight_s = PREFLIGHT_S if settings.preflight else 0.0
        return settings.prepare_timeout_us / US_PER_SECOND + PREPARE_GRACE_S + preflight_s
    if state is State.SPAWN:
        return settings.clients / settings.spawn_rate + settings.ready_timeout_us / US_PER_SECOND + SPAWN_GRACE_S
    if state is State.SEND:
        duration_us = settings.duration_us
        return None if duration_us is None else duration_us / US_PER_SECOND + 2 * BACKLOG_GRACE_S
    if state is State.DRAIN:
        return drain_s(settings)
    return JUDGE_S if state is State.JUDGE else 0.0


def drain_s(settings: Settings) -> float:
    """The longest time of a drain, in seconds."""
    return settings.drain_timeout_us / US_PER_SECOND + HISTORY_S + CLOSE_TIMEOUT_S + REPORT_GRACE_S


def total_s(settings: Settings, begin: State = State.PREPARE) -> float | None:
    """How long a run may take from the beginning of a state on; None where only a person ends it."""
    states = list(State)
    times_s = [deadline_s(state, settings) for state in states[states.index(begin) :]]
    return None if None in times_s else sum(time_s for time_s in times_s if time_s is not None)


def what_is_late(state: State, settings: Settings) -> str:
    """What it means that a state's time is over; empty where that is no fault."""
    if state is State.PREPARE:
        return (
            f"preparing took longer than {format_duration(settings.prepare_timeout_us)}: the backend is slow, or it "
            "does not answer; see --prepare-timeout."
        )
    return "the results could not be written in time: does the disk answer?" if state is State.JUDGE else ""
