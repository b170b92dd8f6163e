"""The first line of a verdict that is not PASS: the cause, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hubbub.report.run_result import RunResult

DROPPED = "dropped: "
NO_CLOSE_FRAME = 1006
CLOSE_CODES = {
    1001: "going away: did the backend stop, or restart?",
    1002: "protocol error",
    1003: "a kind of data that it does not take",
    1007: "a text that it cannot read: see --message-text",
    1008: "a policy of the backend",
    1009: "a message too big: see --message-size",
    1011: "an error of the backend",
    1012: "the backend restarts",
    1013: "the backend is overloaded",
}
"""What a peer says with the code of its close frame (RFC 6455, 7.4.1, and its registry)."""

MANY = 0.01
"""Of what was planned: so much is a cause, less is told further down."""

MUCH = 0.05
"""Of the deliveries: fewer losses are told well enough by their number."""


def diagnosis(run_result: RunResult) -> str:
    """The first cause that applies, in the order in which one hides another; "" where none does."""
    return next((text for cause in _CAUSES for text in cause(run_result)), "")


def _limit_of_connections(run_result: RunResult) -> Iterator[str]:
    held, connections = run_result.held_at_limit, run_result.phase_stats.connections
    if held and connections.ready < run_result.attendance.asked:
        yield limit_of_connections(held)


def limit_of_connections(held: int) -> str:
    """What it means that the backend turned away another connection of an account that held so many."""
    return (
        f"the backend turned connections away when an account held {held}: give --max-conns-per-user {held}, or more "
        "accounts"
    )


def _limit_of_requests(run_result: RunResult) -> Iterator[str]:
    connections = run_result.phase_stats.connections
    if (count := connections.throttled) and connections.ready < run_result.attendance.asked:
        yield (
            f"the backend limits requests: {count} calls had to wait (HTTP 429); spawn more slowly (--spawn-rate), or "
            "switch its limits off"
        )


def _closed(run_result: RunResult) -> Iterator[str]:
    """Nearly all connections ended at once: what was lost then is no other fault."""
    errors, connections = run_result.phase_stats.errors, run_result.phase_stats.connections
    for code, why in ((NO_CLOSE_FRAME, ""), *CLOSE_CODES.items()):
        error = errors.get(f"{DROPPED}{code}")
        if error is None or 2 * error.count < connections.ready:
            continue
        how = f"with {code}: {why}" if why else "without a close frame: did the backend stop, or restart?"
        yield (
            f"{error.count} connections were closed {how}{'' if how.endswith('?') else '.'} "
            f"{connections.ready_at_end} clients were ready at the end, {connections.never_back} never came back; "
            f"senders catch up with --catch-up-rate {run_result.settings.catch_up_rate:g}"
        )


def _refused(run_result: RunResult) -> Iterator[str]:
    counts = run_result.counts
    said = run_result.refusals.most()
    for count, what in ((counts.refused, "refused"), (counts.throttled, "throttled")):
        if count > MANY * counts.planned and said is not None:
            yield f"{count} of {counts.planned} messages were {what} by the backend: {said[0]!r} ({said[1]} times)"


def _stored(run_result: RunResult) -> Iterator[str]:
    counts, history = run_result.counts, run_result.history
    if history.stored_not_delivered <= MANY * counts.sent:
        return
    if not counts.delivered:
        yield f"{history.stored_not_delivered} messages were stored and reached nobody: the backend does not fan out"
    else:
        yield f"{history.stored_not_delivered} of {counts.sent} messages were stored and reached nobody"


def _vanished(run_result: RunResult) -> Iterator[str]:
    counts, history = run_result.counts, run_result.history
    if not counts.vanished:
        return
    who = f"{counts.vanished} of {counts.sent} messages were seen by nobody"
    if history.not_stored:
        yield f"{who}, and {history.not_stored} of them were never stored"
    elif history.unknown:
        yield f"{who}; whether they were stored is not known: {run_result.history_problem}"


def _lost(run_result: RunResult) -> Iterator[str]:
    counts = run_result.counts
    if counts.delivered and counts.lost > MUCH * counts.expected and not run_result.frame_types.tagged():
        yield f"messages reached some and not others: {counts.lost} of {counts.expected} deliveries were lost"


_CAUSES: tuple[Callable[[RunResult], Iterator[str]], ...] = (
    *(_limit_of_connections, _limit_of_requests, _closed, _refused),
    *(_stored, _vanished, _lost),
)
