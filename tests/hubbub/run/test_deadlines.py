"""Each state has a deadline, and the whole run by them."""

import pytest

from hubbub.options import resolve
from hubbub.run.deadlines import (
    HISTORY_S,
    JUDGE_S,
    PREFLIGHT_S,
    PREPARE_GRACE_S,
    REPORT_GRACE_S,
    SPAWN_GRACE_S,
    deadline_s,
    total_s,
    what_is_late,
)
from hubbub.run.states import State
from hubbub.run.worker import CLOSE_TIMEOUT_S

TEXTS = {"clients": "100", "spawn_rate": "10", "duration": "30s", "prepare_timeout": "1m", "ready_timeout": "20s"}


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        (State.PREPARE, 60 + PREPARE_GRACE_S + PREFLIGHT_S),
        (State.SPAWN, 30 + SPAWN_GRACE_S),
        (State.SEND, 32),
        (State.DRAIN, 15 + HISTORY_S + CLOSE_TIMEOUT_S + REPORT_GRACE_S),
        (State.JUDGE, JUDGE_S),
        (State.OVER, 0),
    ],
    ids=str,
)
def test_each_state_has_its_deadline(state, seconds):
    assert deadline_s(state, resolve(TEXTS)) == seconds


def test_a_run_ends_by_the_sum_of_what_is_left():
    settings = resolve(TEXTS)
    assert total_s(settings) == sum(deadline_s(state, settings) for state in State)
    assert total_s(settings, State.JUDGE) == JUDGE_S


def test_a_run_that_a_person_ends_has_no_deadline_until_then():
    settings = resolve(TEXTS | {"duration": "until-stopped"})
    assert deadline_s(State.SEND, settings) is None
    assert total_s(settings) is None
    assert total_s(settings, State.DRAIN) is not None


def test_a_late_state_says_what_it_means():
    settings = resolve({})
    assert "preparing took longer than 5m" in what_is_late(State.PREPARE, settings)
    assert "does the disk answer" in what_is_late(State.JUDGE, settings)
    assert what_is_late(State.SEND, settings) == ""
