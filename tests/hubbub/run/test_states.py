"""Every event in every state leads somewhere; whatever happens, a run is judged once and comes to its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.run.states import NEXT, Event, Machine, State

WAYS = {
    State.PREPARE: "done: spawn, stop: judge, hurry: judge, failed: judge, deadline: judge",
    State.SPAWN: "done: send, stop: drain, hurry: drain, failed: drain, deadline: send",
    State.SEND: "done: drain, stop: drain, hurry: drain, failed: drain, deadline: drain",
    State.DRAIN: "done: judge, stop: drain, hurry: drain, failed: judge, deadline: judge",
    State.JUDGE: "done: over, stop: judge, hurry: judge, failed: over, deadline: over",
    State.OVER: "done: over, stop: over, hurry: over, failed: over, deadline: over",
}
ENDS = (Event.DONE, Event.FAILED, Event.DEADLINE)
"""One of them happens in every state: its work is done, fails, or takes too long."""


@pytest.mark.parametrize("state", State)
def test_the_table(state):
    ways = dict(way.split(": ") for way in WAYS[state].split(", "))
    assert {event.value: after.value for event, after in NEXT[state].items()} == ways


def test_what_happened_in_a_state_that_was_left_does_not_count():
    machine = Machine(lambda _state: None)
    assert machine.post(Event.DONE, State.PREPARE)
    assert not machine.post(Event.FAILED, State.PREPARE)
    assert machine.state is State.SPAWN


def test_an_event_that_changes_nothing_is_none():
    machine = Machine(lambda _state: None)
    for event in (Event.DONE, Event.STOP):
        assert machine.post(event)
    assert not machine.post(Event.STOP)
    assert machine.state is State.DRAIN


@given(st.lists(st.sampled_from(Event), max_size=30), st.lists(st.sampled_from(ENDS), min_size=6, max_size=6))
def test_whatever_happens_it_is_judged_once_and_comes_to_its_end(events, ends):
    left = []
    machine = Machine(left.append)
    for event in (*events, *ends):
        machine.post(event)
    assert machine.state is State.OVER
    assert left.count(State.JUDGE) == 1
    assert left == [state for state in State if state in left]
