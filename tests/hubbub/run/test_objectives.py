"""A run that asks for no messages is judged on its connections."""

import pytest

from hubbub.options import resolve
from hubbub.run.objectives import watch_of


def figures(share, slo=""):
    return {objective.figure for objective in watch_of(resolve({"slo": slo}), share).objectives}


def test_without_messages_their_times_and_shares_are_left_out():
    left_out = figures(1.0) - figures(0.0)
    assert left_out == {"response.p95", "messages.vanished", "messages.indefinite"}
    assert {"connections.failed", "connections.dropped", "deliveries.lost"} <= figures(0.0)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_who_names_objectives_is_held_to_them(share):
    assert "response.p95" in figures(share, "response.p95 < 100")
