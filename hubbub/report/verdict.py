"""PASS, FAIL or INCONCLUSIVE, and why.

FAIL needs evidence of a fault. INCONCLUSIVE says that the run cannot tell: the load that was asked for was not applied,
or something that was asked for was not measured. Evidence wins over doubt, and both are listed.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubbub.report.outcome import Outcome
from hubbub.report.slo import SERIES, TIMED_SERIES, Objective, Result, evaluate

EXIT_CODES = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}

UNAPPLIED_LIMIT = 0.01
"""More than this share of the planned messages unsent, throttled or refused: not the load that was asked for."""

CHURN_LIMIT = 0.05
"""More than this share of due deliveries excused or optional, where nobody was meant to come and go."""

UNCLEAN_SHARE, UNCLEAN_US = 0.01, 2_000_000
"""More unclean time than the larger of the two, and the generator was not well enough to tell."""

STALL_LIMIT_US = 500_000

CANARY_MS, CANARY_SHARE = 3.0, 0.2
"""Farther than the larger of the two from what the canary saw, and unclean seconds: our own times are doubtful."""

FAULTS = {
    "deliveries.duplicated": "deliveries came twice",
    "deliveries.out_of_order": "deliveries came out of order",
    "deliveries.leaked": "deliveries reached somebody who is not a member",
    "deliveries.corrupt": "deliveries were corrupt",
    "messages.vanished": "messages vanished: sent, never seen by anyone, never refused",
}
"""Evidence against the backend, whatever the generator's health."""

LOST = "deliveries.lost"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a verdict. `kind` is FAIL or INCONCLUSIVE."""

    kind: str
    text: str


Held = list[tuple[Objective, Result]]


def judge(outcome: Outcome, held: Held) -> tuple[str, list[Reason]]:
    """The verdict, and every reason against PASS. `held` says what became of each objective."""
    reasons = [Reason("FAIL", text) for text in _evidence(outcome, held)]
    reasons += [Reason("INCONCLUSIVE", text) for text in _doubts(outcome, held)]
    result = next((reason.kind for reason in reasons), "PASS")
    return result, reasons


def _evidence(outcome: Outcome, held: Held) -> list[str]:
    counts = outcome.counts
    texts = []
    if counts.lost > counts.lost_unclean:
        unclean = f", {counts.lost_unclean} of them while the generator was not healthy" if counts.lost_unclean else ""
        texts.append(f"{counts.lost} deliveries were lost{unclean}")
    for name, text in FAULTS.items():
        if count := getattr(counts, name.partition(".")[2]):
            texts.append(f"{count} {text}")
    history = outcome.history
    if history.delivered_not_stored:
        texts.append(f"{history.delivered_not_stored} messages were delivered and not stored")
    if history.stored_twice:
        texts.append(f"{history.stored_twice} messages were stored twice")
    for objective, result in held:
        is_told = objective.figure in (*FAULTS, LOST) and not objective.limit and objective.window_us is None
        if result.ok is False and not is_told and _is_proven(objective, outcome):
            texts.append(f"{objective.figure} {objective.limit_text} does not hold: it is {_shown(objective, result)}")
    return texts


def _shown(objective: Objective, result: Result) -> str:
    unit = "%" if objective.is_percent else " ms" if objective.section in SERIES else ""
    beyond = "" if result.share is None else f", with {result.share:.2%} of the values beyond the limit"
    return f"{result.value:.6g}{unit}{beyond}"


def _is_proven(objective: Objective, outcome: Outcome) -> bool:
    """Whether an objective that does not hold is broken in the clean seconds, too, where its figure has such a part."""
    clean = _holds_when_clean(objective, outcome)
    has_no_clean_part = objective.section not in TIMED_SERIES or not outcome.health.unclean_us
    return clean is False or (clean is None and (objective.window_us is not None or has_no_clean_part))


def _holds_when_clean(objective: Objective, outcome: Outcome) -> bool | None:
    """Whether an objective holds in the clean seconds; None where its figure has no such part."""
    if objective.window_us is not None or not (objective.section in TIMED_SERIES or objective.figure == LOST):
        return None
    return evaluate(objective, outcome.of_clean_seconds()).ok


def _doubts(outcome: Outcome, held: Held) -> list[str]:
    counts = outcome.counts
    texts = []
    if outcome.interruption:
        texts.append(outcome.interruption)
    if outcome.aborted:
        texts.append(f"the run was ended early: {outcome.aborted}")
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
    for objective, result in held:
        if result.ok is None:
            texts.append(f"{objective.figure} was not measured, so nobody knows whether it is {objective.limit_text}")
    return texts + _doubts_about_us(outcome, held) + _doubts_of_canary(outcome)


def _doubts_about_us(outcome: Outcome, held: Held) -> list[str]:
    """Was the generator itself well?"""
    health, counts = outcome.health, outcome.counts
    total_us = health.clean_us + health.unclean_us
    texts = []
    if health.unclean_us > max(UNCLEAN_US, UNCLEAN_SHARE * total_us):
        causes = "; ".join(f"{cause} ({us / 1e6:.0f} s)" for cause, us in health.causes()[:3])
        texts.append(
            f"the generator was not healthy for {health.unclean_us / 1e6:.0f} of {total_us / 1e6:.0f} s: {causes}"
        )
    if health.stall_us > STALL_LIMIT_US:
        texts.append(f"the generator stood still for {health.stall_us / 1e6:.1f} s")
    if counts.lost and counts.lost == counts.lost_unclean:
        texts.append(f"{counts.lost} deliveries were lost, all of them while the generator was not healthy")
    for objective, result in held:
        clean = _holds_when_clean(objective, outcome)
        if objective.figure == LOST or result.ok is None:
            continue
        if clean is not None and clean is not result.ok:
            verb = "holds" if clean else "does not hold"
            texts.append(f"{objective.figure} {objective.limit_text} {verb} when the unclean seconds are left out")
        elif result.ok is False and not _is_proven(objective, outcome):
            texts.append(f"{objective.figure} {objective.limit_text} does not hold, but no second was clean")
    return texts


def _doubts_of_canary(outcome: Outcome) -> list[str]:
    """Does an independent client see other times than ours? That alone proves nothing."""
    if outcome.canary_problem:
        return [f"the canary did not measure: {outcome.canary_problem}"]
    if outcome.canary is None or not outcome.health.unclean_us:
        return []
    ours, theirs = outcome.timings.delivery.summary(), outcome.canary["delivery_ms"]
    texts = []
    for name in ("p50", "p99"):
        if ours[name] is None or theirs[name] is None:
            continue
        if abs(ours[name] - theirs[name]) > max(CANARY_MS, CANARY_SHARE * theirs[name]):
            texts.append(f"delivery {name} is {ours[name]:.1f} ms here and {theirs[name]:.1f} ms at the canary")
    return texts
