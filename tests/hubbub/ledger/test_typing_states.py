"""Who types: each change is told once, with its state, and the last one stays."""

import pytest

from hubbub.ledger.connection import Connection
from hubbub.ledger.counts import Counts
from hubbub.ledger.typing_states import TypingStates

ADA, BOB, EVE = (Connection(number, account) for number, account in ((1, 1), (2, 2), (3, 3)))
ADAS_ID = 70


@pytest.fixture
def counts():
    return Counts()


@pytest.fixture
def states(counts):
    states = TypingStates(counts)
    for connection in (ADA, BOB, EVE):
        states.listen(connection, 0)
    return states


def of(counts):
    names = ("sent", "due", "told", "stateless", "wrong", "missed", "excused", "stuck")
    return {name: count for name in names if (count := getattr(counts, f"typing_{name}"))}


def say(states, *sent, now_us=0):
    for state in sent:
        states.sent(ADA, ADAS_ID, state, now_us)


def tell(states, connection, *told):
    for state in told:
        states.told(connection, ADAS_ID, state)


def test_each_change_is_due_at_the_others_and_told_once(states, counts):
    say(states, True, False)
    for connection in (ADA, BOB, EVE):  # its own does not count
        tell(states, connection, True, False)
    states.finish()
    assert of(counts) == {"sent": 2, "due": 4, "told": 4}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([True], {"told": 3, "missed": 1, "stuck": 1}),
        ([False], {"told": 3, "missed": 1}),
        ([True, True, False], {"told": 4, "wrong": 1}),
        ([False, True], {"told": 3, "missed": 1, "wrong": 1}),
        ([None, None], {"told": 2, "stateless": 2}),
        ([None, None, None], {"told": 2, "stateless": 2, "wrong": 1}),
        ([], {"told": 2, "missed": 2}),
    ],
)
def test_what_another_one_is_told_is_counted(states, counts, told, found):
    say(states, True, False)
    tell(states, BOB, True, False)
    tell(states, EVE, *told)
    states.finish()
    assert of(counts) == {"sent": 2, "due": 4} | found


def test_who_comes_later_is_due_what_is_sent_later(states, counts):
    say(states, True)
    tell(states, BOB, True)
    tell(states, EVE, True)
    late = Connection(4, 4)
    states.listen(late, 9_000_000)
    say(states, False, now_us=9_000_000)
    for connection in (BOB, EVE, late):
        tell(states, connection, False)
    states.finish()
    assert of(counts) == {"sent": 2, "due": 5, "told": 5}


def test_who_leaves_is_excused_what_was_not_told(states, counts):
    say(states, True, False)
    tell(states, BOB, True, False)
    tell(states, EVE, True)
    states.stop_listening(EVE)
    states.stop_listening(EVE)
    tell(states, EVE, False)
    states.finish()
    assert of(counts) == {"sent": 2, "due": 4, "told": 3, "excused": 1}


def test_others_who_type_are_nothing_of_ours(states, counts):
    states.told(BOB, 99, True)
    assert of(counts) == {}


@pytest.mark.parametrize(("age_us", "wrong"), [(1_000_000, 0), (6_000_000, 2)])
def test_what_was_on_its_way_when_one_came_is_not_due(states, counts, age_us, wrong):
    say(states, True, False)
    late = Connection(4, 4)
    states.listen(late, age_us)
    tell(states, late, True, False)
    assert counts.typing_wrong == wrong
    say(states, True, now_us=age_us)
    tell(states, late, True)
    tell(states, late, True)
    assert (counts.typing_told, counts.typing_wrong) == (1, wrong + 1)


def test_after_a_hurried_end_what_was_not_told_is_excused(states, counts):
    say(states, True, False)
    tell(states, BOB, True)
    states.finish(is_hurried=True)
    assert of(counts) == {"sent": 2, "due": 4, "told": 1, "excused": 3}
