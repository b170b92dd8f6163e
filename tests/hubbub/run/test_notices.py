"""What is said while a run goes on: once each, and when it is known."""

import pytest

from hubbub.metrics.phase_stats import Connections, PhaseStats
from hubbub.run.messages import Report
from hubbub.run.notices import Notices


def report(**what):
    return Report(run="r", worker="w", token="t", sequence=1, **what)


@pytest.mark.parametrize(
    ("reported", "said"),
    [
        ({}, ""),
        ({"held_at_limit": 5}, "held 5: give --max-conns-per-user 5"),
        ({"phase_stats": PhaseStats(connections=Connections(throttled=3))}, "(HTTP 429): 3 calls wait until now"),
    ],
)
def test_limits_of_the_backend_are_said_once(capsys, reported, said):
    notices = Notices()
    for _ in range(3):
        notices.look([report(), report(**reported)])
    text = capsys.readouterr().err
    assert text.count(said) == 1 if said else not text
