"""One answer is expected at a time, in a conversation or in any."""

import pytest

from hubbub.client.expectation import Expectation
from hubbub.contracts import Event, EventKind
from hubbub.errors import ContractError
from tests.twins.scheduler import FakeScheduler


@pytest.fixture
def expectation():
    return Expectation(FakeScheduler())


def test_only_the_answer_that_is_expected_meets_it(expectation):
    assert not expectation.is_met_by(Event(EventKind.JOINED, 4))
    with expectation.of(EventKind.JOINED, 4):
        assert expectation.is_met_by(Event(EventKind.JOINED, 4))
        assert not expectation.is_met_by(Event(EventKind.JOINED, 5))
        assert not expectation.is_met_by(Event(EventKind.CONNECTED))
    assert not expectation.is_met_by(Event(EventKind.JOINED, 4))


def test_an_expectation_without_a_conversation_is_met_in_any(expectation):
    with expectation.of(EventKind.CONNECTED):
        assert expectation.is_met_by(Event(EventKind.CONNECTED, 9))


def test_the_first_answer_counts(expectation):
    with expectation.of(EventKind.JOINED, 4):
        expectation.answer()
        expectation.answer(ContractError("too late"))
        expectation.wait(1, "nothing came")


def test_a_failed_answer_is_raised(expectation):
    with expectation.of(EventKind.JOINED, 4):
        expectation.answer(ContractError("turned away"))
        with pytest.raises(ContractError, match="turned away"):
            expectation.wait(1, "nothing came")


def test_an_answer_that_is_not_expected_does_nothing(expectation):
    expectation.answer(ContractError("who asked?"))
    with expectation.of(EventKind.JOINED):
        expectation.answer()
        expectation.wait(1, "nothing came")
