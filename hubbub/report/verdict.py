"""PASS, FAIL or INCONCLUSIVE, and why.

FAIL needs evidence: an objective that is broken however late the generator was, or a fault that no lateness explains.
INCONCLUSIVE says that the run cannot tell: an objective is open, the load was not as asked, or something that was asked
for was not measured. Evidence wins over doubt, and both are listed. PASS is what remains.

Whether the generator was healthy decides nothing by itself: it explains why an objective is open.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubbub.errors import Owner
from hubbub.metrics.attendance import Attendance
from hubbub.report.diagnosis import diagnosis
from hubbub.report.figures import FIGURE, FIGURES
from hubbub.report.run_result import RunResult
from hubbub.report.slo import BROKEN, OPEN, Objective, Result

UNAPPLIED_LIMIT = 0.01
"""More than this share of the planned messages unsent, throttled or refused: not the load that was asked for."""

APPLIED_LIMIT = 0.99
"""Clients must be ready in this share of the client-seconds that were asked for."""

SHOWN_CLASSES = 3

CHURN_LIMIT = 0.05
"""At most this share of due deliveries may be excused or optional, unless a user class says that it comes and goes."""

CURE = "give the generator more room (a free core, more workers)"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a verdict. `kind` is FAIL or INCONCLUSIVE."""

    kind: str
    text: str


SloResults = list[tuple[Objective, Result]]


def judge(run_result: RunResult, slo_results: SloResults) -> tuple[str, list[Reason]]:
    """The verdict, and every reason against PASS. `slo_results` has each objective with its result."""
    reasons = [Reason("FAIL", text) for text in _evidence(run_result, slo_results)]
    reasons += [Reason("INCONCLUSIVE", text) for text in _doubts(run_result, slo_results)]
    result = next((reason.kind for reason in reasons), "PASS")
    cause = diagnosis(run_result) if reasons else ""
    return result, [Reason(result, cause), *reasons] if cause else reasons


def _evidence(run_result: RunResult, slo_results: SloResults) -> list[str]:
    texts = []
    for figure in FIGURES:
        if figure.fault and (count := figure.value(run_result)):
            texts.append(f"{count} {figure.fault}")
    history = run_result.history
    if history.delivered_not_stored:
        texts.append(f"{history.delivered_not_stored} messages were delivered and not stored")
    if history.stored_twice:
        texts.append(f"{history.stored_twice} messages were stored twice")
    for objective, result in slo_results:
        known = FIGURE.get(objective.figure)
        is_told = known is not None and bool(known.fault) and objective.limit_text == "== 0"
        if result.result == BROKEN and not is_told:
            texts.append(_broken(objective, result))
    return texts


def _broken(objective: Objective, result: Result) -> str:
    if _is_no_loss(objective):
        return _lost(result)
    shares = result.shares
    if shares is None:
        return f"{objective.figure} {objective.limit_text} is broken: it is {ends(objective, result)}"
    return (
        f"{objective.figure} {objective.limit_text} is broken: {_share(shares.surely, shares.count)} are surely over "
        f"{objective.limit:g} ms, {_share(shares.allowed, shares.count)} may be; it is {ends(objective, result)}"
    )


def _is_no_loss(objective: Objective) -> bool:
    return (objective.figure, objective.limit_text) == ("deliveries.lost", "== 0")


def _lost(result: Result) -> str:
    """The objective that most runs have, in words."""
    lost, proven = int(result.high or 0), int(result.low or 0)
    if lost == proven:
        return f"{lost} deliveries were lost"
    if proven:
        return f"{lost} deliveries were lost; the generator may have caused {lost - proven} of them"
    return f"{lost} deliveries were lost, and the generator may have caused each of them (evidence says how)"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if 0.001 <= part / whole <= 0.999 else f"{part} of {whole}"


def ends(objective: Objective, result: Result) -> str:
    """A figure with its unit, and both ends where they differ: `20.0 ms [12.7 .. 20.0]`."""
    is_time = objective.is_time
    unit = "%" if objective.is_percent else " ms" if is_time else ""

    value, low, high = (
        f"{part or 0:{'.1f' if is_time else '.6g'}}" for part in (result.value, result.low, result.high)
    )
    return f"{value}{unit}" if result.low == result.high else f"{value}{unit} [{low} .. {high}]"


def _doubts(run_result: RunResult, slo_results: SloResults) -> list[str]:
    counts = run_result.counts
    texts = _doubts_of_frames(run_result)
    if run_result.interruption:
        texts.append(run_result.interruption)
    if run_result.aborted:
        texts.append(f"the run was ended early: {run_result.aborted}")
    for worker, when in run_result.lost_workers.items():
        texts.append(f"worker {worker} was lost {when}; what it did since its last report is not known")
    if not counts.expected and (run_result.chatting_share or counts.planned):
        texts.append("no delivery was expected, so nothing was tested")
    if counts.pending:
        texts.append(f"the fate of {counts.pending} messages is not known")
    for error in run_result.phase_stats.errors.values():
        if error.failure.owner is Owner.CONFIGURATION:
            texts.append(f"{error.count} times: {error.failure.name}")
    texts += _doubts_of_load(run_result)
    optional = counts.optional - counts.caught_up
    if not run_result.has_churn and counts.excused + optional > CHURN_LIMIT * counts.due:
        texts.append(f"{counts.excused} deliveries were excused and {optional} optional, of {counts.due} due")
    if run_result.history_problem:
        texts.append(_of_history(run_result))
    if run_result.canary_problem:
        texts.append(f"the canary did not measure: {run_result.canary_problem}")
    if run_result.failure:
        texts.append(f"a worker failed: {run_result.failure}")
    if run_result.output_problem:
        texts.append(f"not all results could be written: {run_result.output_problem}")
    return texts + [_open(run_result, objective, result) for objective, result in slo_results if result.result == OPEN]


def _doubts_of_frames(run_result: RunResult) -> list[str]:
    """Did what seems to be lost come in frames that the contract does not take for deliveries?"""
    if not run_result.counts.lost:
        return []
    return [
        f"{count} frames of type {name} carry this run's tags: does the contract's delivery type fit? "
        f"(--delivery-type {name})"
        for name, count in run_result.frame_types.tagged()
    ]


def _of_history(run_result: RunResult) -> str:
    history = run_result.history
    unknown = f"; the storage of {history.unknown} messages is not known" if history.unknown else ""
    return f"the history could not be read whole: {run_result.history_problem}{unknown}"


def _doubts_of_load(run_result: RunResult) -> list[str]:
    """Was the load as asked: everything sent, and when it was planned?"""
    counts, load = run_result.counts, run_result.load
    texts = _doubts_of_clients(run_result)
    if counts.unsent + counts.throttled + counts.refused > UNAPPLIED_LIMIT * counts.planned:
        texts.append(
            f"the load was not as asked: of {counts.planned} planned messages {counts.unsent} were not sent, "
            f"{counts.throttled} throttled and {counts.refused} refused{_explained(run_result)}"
        )
    if not load.is_as_planned:
        deviating = load.deviating()
        worst = max(deviating, key=load.deviation)
        texts.append(
            f"the load was not as asked: {len(deviating)} of {len(load.seconds)} seconds sent other than planned, "
            f"most of all second {worst + 1} ({load.sent[worst]} messages for {load.planned[worst]})"
            f"{_explained(run_result)}"
        )
    return texts


def _doubts_of_clients(run_result: RunResult) -> list[str]:
    """Was everyone there who was asked for, all the time?"""
    attendance = run_result.attendance
    texts = []
    if attendance.ready < attendance.asked:
        texts.append(f"{attendance.ready} of {attendance.asked} clients chatted{_lost_by(attendance)}")
    elif attendance.lost:
        texts.append(f"{attendance.lost} of {attendance.asked} clients were lost{_lost_by(attendance)}")
    applied = attendance.applied
    if not texts and not run_result.has_churn and applied is not None and applied < APPLIED_LIMIT:
        texts.append(
            f"the load was not as asked: clients were ready in {applied:.1%} of the time that they were asked for"
        )
    return texts


def _lost_by(attendance: Attendance) -> str:
    """Who is missing, by class: the most first."""
    kinds = (+attendance.lost_by).most_common()
    if not kinds:
        return ""
    more = len(kinds) - SHOWN_CLASSES
    shown = ", ".join(f"{count} x {kind}" for kind, count in kinds[:SHOWN_CLASSES])
    return f": {shown} and {more} more classes" if more > 0 else f": {shown}"


def _explained(run_result: RunResult) -> str:
    diagnosis = run_result.health.diagnosis()
    return f"; {diagnosis}" if diagnosis else ""


def _open(run_result: RunResult, objective: Objective, result: Result) -> str:
    """An objective that both answers fit: what surely speaks against it, what possibly, and what would settle it."""
    name = f"{objective.figure} {objective.limit_text}"
    shares = result.shares
    if not result.is_measured:
        return f"{objective.figure} was not measured; cannot evaluate {objective.limit_text}"
    if _is_no_loss(objective):
        return f"{_lost(result)}{_explained(run_result)}; to settle it, {CURE}"
    if objective.is_about_us:
        return (
            f"{name} is not met: it is {ends(objective, result)}, which is about the generator{_explained(run_result)}"
        )
    if shares is None:
        return (
            f"{name} is open: it is {ends(objective, result)}, and the generator may have caused the difference"
            f"{_explained(run_result)}; to settle it, {CURE}"
        )
    return (
        f"{name} is open: {_share(shares.surely, shares.count)} surely over {objective.limit:g} ms, "
        f"{_share(shares.possibly - shares.surely, shares.count)} more only by {_whose_lateness(run_result)}; "
        f"{_share(shares.allowed, shares.count)} allowed{_explained(run_result)}; to settle it, {_cure(run_result)}"
    )


def _whose_lateness(run_result: RunResult) -> str:
    """What lies between the two ends: the generator's lateness, and that of a backend that this machine starves."""
    backend = " or the backend's waits for a core" if run_result.settings.backend_pids else ""
    return f"the generator's own lateness{backend}"


def _cure(run_result: RunResult) -> str:
    if run_result.clock_bound_us is None:
        return f"{CURE}, or measure with receive stamps (Linux, --receive-stamps on)"
    return CURE
