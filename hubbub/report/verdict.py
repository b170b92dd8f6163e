"""PASS, FAIL or INCONCLUSIVE, and why.

FAIL needs evidence of a fault. INCONCLUSIVE says that the run cannot tell: the load that was asked for was not applied,
or something that was asked for was not measured. Evidence wins over doubt, and both are listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubbub.report.summary import Outcome

EXIT_CODES = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}

UNAPPLIED_LIMIT = 0.01
"""More than this share of the planned messages unsent, throttled or refused: not the load that was asked for."""

CHURN_LIMIT = 0.05
"""More than this share of due deliveries excused or optional, where nobody was meant to come and go."""

FAULTS = {
    "lost": "deliveries were lost",
    "duplicated": "deliveries came twice",
    "out_of_order": "deliveries came out of order",
    "leaked": "deliveries reached somebody who is not a member",
    "corrupt": "deliveries were corrupt",
    "vanished": "messages vanished: sent, never seen by anyone, never refused",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a verdict. `kind` is FAIL or INCONCLUSIVE."""

    kind: str
    text: str


def judge(outcome: Outcome) -> tuple[str, list[Reason]]:
    """The verdict, and every reason against PASS."""
    reasons = [Reason("FAIL", text) for text in _evidence(outcome)]
    reasons += [Reason("INCONCLUSIVE", text) for text in _doubts(outcome)]
    result = next((reason.kind for reason in reasons), "PASS")
    return result, reasons


def _evidence(outcome: Outcome) -> list[str]:
    texts = [
        f"{getattr(outcome.counts, name)} {text}" for name, text in FAULTS.items() if getattr(outcome.counts, name)
    ]
    connections = outcome.tally.connections
    if connections.failed:
        texts.append(f"{connections.failed} of {connections.attempted} connections failed")
    if connections.dropped:
        texts.append(f"{connections.dropped} connections were dropped")
    return texts


def _doubts(outcome: Outcome) -> list[str]:
    counts = outcome.counts
    texts = []
    if outcome.interruption:
        texts.append(outcome.interruption)
    for worker in outcome.lost_workers:
        texts.append(f"worker {worker} was lost; what it did since its last report is not known")
    if not counts.expected:
        texts.append("no delivery was expected, so nothing was tested")
    if counts.pending:
        texts.append(f"the fate of {counts.pending} messages is not known")
    unapplied = counts.unsent + counts.throttled + counts.refused
    if unapplied > UNAPPLIED_LIMIT * counts.planned:
        texts.append(
            f"of {counts.planned} planned messages {counts.unsent} were not sent, {counts.throttled} throttled and "
            f"{counts.refused} refused: the load that was asked for was not applied"
        )
    if not outcome.has_churn and counts.excused + counts.optional > CHURN_LIMIT * counts.due:
        texts.append(f"{counts.excused} deliveries were excused and {counts.optional} optional, of {counts.due} due")
    if outcome.history_problem:
        texts.append(f"the history could not be read: {outcome.history_problem}")
    return texts
