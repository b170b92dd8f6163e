"""One phase of a connection's life: timed, counted, and patient with a backend that limits calls."""

from __future__ import annotations

from collections.abc import Callable

from hubbub.client.context import WorkerContext
from hubbub.client.patience import Patience
from hubbub.contracts import Phase
from hubbub.errors import (
    CallFailed,
    ConnectError,
    ConnectionClosed,
    ContractError,
    Failure,
    PhaseFailed,
    Throttled,
    failure_of,
)


def live(context: WorkerContext, phase: Phase, number: int, step: Callable[[], bool]) -> None:
    """Take the step of a phase, as the client of a number; a step that says it had nothing to do is not counted.

    Raises PhaseFailed, counted.
    """
    started_us = context.now_us()
    failure: Failure | None = None
    detail = ""
    patience = Patience(context.scheduler, number)
    try:
        while True:
            try:
                if not step():
                    return
                break
            except Throttled as error:
                context.phase_stats.connections.throttled += 1
                patience.wait(error)
                started_us = context.now_us()
    except CallFailed as error:
        failure, detail = failure_of(phase.value, error), error.detail
    except (ConnectError, ContractError, ConnectionClosed) as error:
        is_ours = error.is_ours or context.lateness.loop.has_stalled(started_us)
        failure = failure_of(phase.value, error, is_ours)
    ended_us = context.now_us()
    elapsed_us = ended_us - started_us
    context.on_phase(phase.value, elapsed_us, failure.name if failure is not None else "")
    if failure is not None:
        context.error(failure, detail or failure.name, is_attempt=True)
        raise PhaseFailed(failure)
    context.phase_stats.phase(phase.value, elapsed_us, context.lateness.low_us(started_us, ended_us))
