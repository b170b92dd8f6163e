"""The table of states leads from every state to the end, and never back."""

import pytest

from hubbub.transport.state import NEXT, State


def test_every_state_has_its_row_and_its_sentence():
    assert set(NEXT) == set(State)


@pytest.mark.parametrize("state", [state for state in State if state is not State.OVER])
def test_a_failure_ends_a_connection_from_every_state(state):
    assert State.OVER in NEXT[state]


def test_nothing_follows_the_end():
    assert NEXT[State.OVER] == set()


@pytest.mark.parametrize("state", [State.CLOSING, State.DISCARDING])
def test_a_connection_that_closes_never_opens_again(state):
    assert not NEXT[state] & {State.OPEN, State.PAUSED}
