"""Pauses grow, are bounded, and differ between clients."""

from hypothesis import given
from hypothesis import strategies as st

from hubbub.client.back_off import FIRST_PAUSE_S, MAX_PAUSE_S, back_off_s


@given(st.integers(1, 60), st.integers(0, 10_000))
def test_pauses_are_bounded(failures, client):
    assert 0.75 * FIRST_PAUSE_S <= back_off_s(failures, client) <= 1.25 * MAX_PAUSE_S
    assert back_off_s(failures, client) <= back_off_s(failures + 1, client)


def test_pauses_double_until_the_longest():
    assert [back_off_s(failures, 50) for failures in (1, 2, 3, 9)] == [0.5, 1.0, 2.0, 10.0]


def test_clients_do_not_come_back_all_at_once():
    assert len({back_off_s(1, client) for client in range(100)}) > 50
