"""A worker's reports: numbered, cumulative, and the findings among them each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hubbub.client.context import WorkerContext
from hubbub.client.send_plans import Plans
from hubbub.ledger.history import History
from hubbub.metrics.load import Load
from hubbub.run.instruments import Instruments
from hubbub.run.messages import Assignment, Report


class Reporter:
    """Makes the reports of one worker in one run and gives them to `send`.

    Set `history` and `history_problem` when the histories were read, and `is_leaving` when the process is told to stop.
    `failure` is the first exception of our own.
    """

    def __init__(
        self,
        assignment: Assignment,
        host: str,
        context: WorkerContext,
        plans: Plans,
        instruments: Instruments,
        send: Callable[[Report], None],
    ) -> None:
        self.history, self.history_problem = History(), ""
        self.is_leaving = False
        self.failure = ""
        self._assignment = assignment
        self._host = host
        self._context = context
        self._plans = plans
        self._instruments = instruments
        self._send = send
        self._sequence = 0
        self._findings_sent = 0

    def report(self, ready: int, is_final: bool = False) -> None:
        """Everything that is known now; `ready` clients are ready."""
        self._sequence += 1
        context, ledger = self._context, self._context.ledger
        findings = ledger.findings.settled(context.now_us(), is_final)
        report = Report(
            run=self._assignment.run,
            worker=self._assignment.worker,
            token=self._assignment.token,
            sequence=self._sequence,
            ready=ready,
            is_final=is_final,
            is_leaving=self.is_leaving,
            history_problem=self.history_problem,
            failure=self.failure,
            host=self._host,
            counts=ledger.counts,
            timings=ledger.timings,
            phase_stats=context.phase_stats,
            health=self._instruments.health,
            history=self.history,
            frame_types=ledger.frame_types,
            refusals=context.refusals,
            held_at_limit=context.held_at_limit,
            load=self._plans.load if is_final else Load(),
            in_flight=self._instruments.in_flight,
            attendance=context.population.attendance(self._plans.remaining),
            addresses=Counter(context.transport.connected),
            clock_bound_us=context.transport.clock_bound_us,
            findings=findings[self._findings_sent :],
            conversations=ledger.conversation_counts() if is_final else {},
        )
        self._findings_sent = len(findings)
        self._send(report)
