"""What the workers of a run reported: kept, added up, passed on, and watched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from hubbub.clock import US_PER_SECOND
from hubbub.ledger import Finding
from hubbub.ledger.findings import MAX_OF_EACH
from hubbub.report import RunResult, Watch
from hubbub.run.messages import Report
from hubbub.run.notices import Notices
from hubbub.run.output import Taker


class Aggregator:
    """Takes reports; `run_result` is the run as it is now. `blank` is the run_result before anything was reported."""

    def __init__(self, blank: RunResult, takers: Sequence[Taker], watch: Watch) -> None:
        self.reports: dict[str, Report] = {}
        self.watch = watch
        self._blank = blank
        self._takers = takers
        self._findings: list[Finding] = []
        self._kept: Counter[str] = Counter()
        self._is_closed = False
        self.asked = 0
        """The most clients that were asked for at once; 0 until that is known."""
        self.aborted = ""
        self._observed_s = 0
        self._notices = Notices()

    def close(self) -> None:
        """The run is being judged: whatever still comes is too late."""
        self._is_closed = True

    def take(self, report: Report) -> None:
        """A worker's report. The newest one of a worker counts."""
        known = self.reports.get(report.worker)
        if self._is_closed or (known is not None and report.sequence <= known.sequence):
            return
        self.reports[report.worker] = report
        self._keep(report.findings)
        self._notices.look(self.reports.values())
        for each in self._takers:
            each.take(report)

    def _keep(self, findings: list[Finding]) -> None:
        """The first of each class are evidence enough, also when several workers have some."""
        for finding in findings:
            self._kept[finding.kind] += 1
            if self._kept[finding.kind] <= MAX_OF_EACH:
                self._findings.append(finding)

    @property
    def ready(self) -> int:
        """How many clients are ready."""
        return sum(report.ready for report in self.reports.values())

    @property
    def sequences(self) -> int:
        """Grows with every report of any worker."""
        return sum(report.sequence for report in self.reports.values())

    @property
    def problem(self) -> str:
        """Why a worker could not take part, or nothing."""
        return next((report.problem for report in self.reports.values() if report.problem), "")

    def has_clock_of(self, clock_domain: str) -> bool:
        """Whether every worker runs on one machine."""
        return all(report.host == clock_domain for report in self.reports.values())

    def has_ended(self, worker: str) -> bool:
        """Whether a worker's last report is here, and it is one that the run asked for."""
        report = self.reports.get(worker)
        return report is not None and report.is_final and not report.is_leaving

    def observe(self, elapsed_us: int) -> str:
        """Hold the objectives against the run as it is now, once a second; returns why it must end, or nothing."""
        elapsed_s = elapsed_us // US_PER_SECOND
        self._notices.look_for_silence(self.reports.values(), elapsed_us)
        if elapsed_s > self._observed_s and self.watch.is_needed:
            self._observed_s = elapsed_s
            self.aborted = self.watch.observe(elapsed_us, self.run_result())
        return self.aborted

    def run_result(self, lost: Collection[str] = (), window_us: int = 0) -> RunResult:
        """All workers' figures together, and what lost ones were still asked for in a window of this length."""
        run_result = self._blank.blank()
        run_result.findings = list(self._findings)
        for worker, report in self.reports.items():
            run_result.add(report)
            run_result.history_problem = run_result.history_problem or report.history_problem
            run_result.failure = run_result.failure or report.failure
            if worker in lost:
                run_result.miss_rest_of(report, window_us)
        run_result.miss_clients(self.asked - run_result.attendance.asked, window_us)
        run_result.attendance.asked = (
            self.asked or run_result.attendance.asked
        )  # workers have their most at other times
        return run_result
