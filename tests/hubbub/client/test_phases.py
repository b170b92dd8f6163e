"""A phase is timed and counted by how it ends."""

import pytest

from hubbub.client.phases import live
from hubbub.contracts import Phase
from hubbub.errors import CallFailed, ConnectError, Failure, Owner, PhaseFailed, Throttled


def test_a_phase_with_nothing_to_do_is_not_counted(place):
    live(place.context, Phase.LOGIN, 0, lambda: False)
    assert place.context.phase_stats.attempts == 0


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (CallFailed(503, "HTTP 503", "busy"), Failure("HTTP 503", "login", status=503)),
        (ConnectError("EMFILE", is_ours=True, errno="EMFILE"), Failure("EMFILE", "login", Owner.GENERATOR, "EMFILE")),
    ],
)
def test_a_failure_says_whose_it_is(place, error, failure):
    def fail():
        raise error

    with pytest.raises(PhaseFailed) as raised:
        live(place.context, Phase.LOGIN, 0, fail)
    assert raised.value.failure == failure
    ((kind, counted),) = place.context.phase_stats.errors.items()
    assert (kind, counted.failure, counted.count) == (str(failure), failure, 1)


def test_a_limit_is_waited_for_and_no_failure(place):
    answers = [Throttled(retry_after_s=2.0), None]

    def step():
        error = answers.pop(0)
        if error is not None:
            raise error
        return True

    place.do(lambda: live(place.context, Phase.LOGIN, 0, step))
    stats = place.context.phase_stats
    assert (stats.connections.throttled, stats.series["login"].count, stats.errors) == (1, 1, {})
