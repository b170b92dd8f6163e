"""The states of a run, and what leads from one to the next: one table, and no other way.

Whatever happens, a run goes through `judge` once and comes to `over`; each state has a deadline (deadlines.py).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class State(Enum):
    """Where a run is."""

    PREPARE = "prepare"
    """Accounts, conversations and the folder are made; workers are told what to do."""
    SPAWN = "spawn"
    """Clients start and get ready."""
    SEND = "send"
    """The sending window is open."""
    DRAIN = "drain"
    """Nothing is sent any more; what is on its way arrives, and workers report for the last time."""
    JUDGE = "judge"
    """The verdict is found and written."""
    OVER = "over"
    """Nothing more happens."""


class Event(Enum):
    """What can happen to a run in any state."""

    DONE = "done"
    """What is done in this state is done."""
    STOP = "stop"
    """Somebody stops the run, or something makes going on useless."""
    HURRY = "hurry"
    """Somebody does not want to wait any longer."""
    FAILED = "failed"
    """What is done in this state raised an exception."""
    DEADLINE = "deadline"
    """This state's time is over."""


def _always(state: State) -> dict[Event, State]:
    return dict.fromkeys(Event, state)


NEXT: dict[State, dict[Event, State]] = {
    State.PREPARE: _always(State.JUDGE) | {Event.DONE: State.SPAWN},
    # who is not ready in time is missing in the window, which says so
    State.SPAWN: _always(State.DRAIN) | {Event.DONE: State.SEND, Event.DEADLINE: State.SEND},
    State.SEND: _always(State.DRAIN),
    # a stopped run is drained all the same; a hurried one has a shorter deadline
    State.DRAIN: _always(State.JUDGE) | {Event.STOP: State.DRAIN, Event.HURRY: State.DRAIN},
    # the verdict takes a moment, and is never given up for an impatient person
    State.JUDGE: _always(State.OVER) | {Event.STOP: State.JUDGE, Event.HURRY: State.JUDGE},
    State.OVER: _always(State.OVER),
}
"""The state that follows each event in each state."""


class Machine:
    """Where one run is. `on_left` is told of every state that was left, once each."""

    def __init__(self, on_left: Callable[[State], None]) -> None:
        self.state = State.PREPARE
        self._on_left = on_left

    def post(self, event: Event, state: State | None = None) -> bool:
        """Something happened; returns whether the run went on to another state.

        With `state`, only what happened in that one counts: it may have been left meanwhile.
        """
        before = self.state
        if state is not None and state is not before:
            return False
        self.state = NEXT[before][event]
        if self.state is before:
            return False
        self._on_left(before)
        return True
