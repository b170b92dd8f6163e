"""When each client of a worker sends: the plans within the sending window, and what was planned and sent per second."""

from __future__ import annotations

from hubbub.client.context import WorkerContext
from hubbub.client.session import Session
from hubbub.clock import US_PER_SECOND
from hubbub.metrics.load import Load
from hubbub.pacing.plan import SendPlan, ThinkPlan, constant_gaps, phase_us, poisson_gaps

Plan = SendPlan | ThinkPlan


class Plans:
    """The plans of a worker's clients. Open the window before the first one is made."""

    def __init__(self, context: WorkerContext) -> None:
        self.load = Load()
        self._context = context
        self._plans: dict[Session, Plan] = {}
        self._starts_us = 0
        self._ends_us: int | None = None
        self._start_together = True
        interval_us = context.settings.message_interval_us
        self._constant_gaps = constant_gaps(interval_us)  # one for all: each would take 200 bytes

    def open_window(self, starts_us: int, length_us: int | None, start_together: bool) -> None:
        """Messages may be sent from now on. Plans begin with the window, or with their clients where those come later.

        `length_us` is None for a window that stays open until the run is stopped.
        """
        self._starts_us = starts_us
        self._ends_us = None if length_us is None else starts_us + length_us
        self._start_together = start_together

    def make(self, client: int, session: Session) -> Plan:
        """A client's plan. Call it when the window is open and the client is ready."""
        settings = self._context.settings
        base_us = self._starts_us if self._start_together else self._context.now_us()
        interval_us = settings.message_interval_us
        first_us = base_us + phase_us(client, interval_us)
        plan: Plan
        if settings.model == "closed":
            plan = ThinkPlan(first_us, interval_us, self._ends_us)
        elif settings.arrivals == "poisson":
            gaps = poisson_gaps(interval_us, settings.seed, client)
            plan = SendPlan(base_us + gaps(-1), gaps, self._ends_us, interval_us)
        else:
            plan = SendPlan(first_us, self._constant_gaps, self._ends_us, interval_us)
        self._plans[session] = plan
        return plan

    def end(self, session: Session) -> None:
        """The session's client stops: what it planned until now and did not send is unsent. Idempotent."""
        plan = self._plans.pop(session, None)
        if plan is None:
            return
        now_us = self._context.now_us()
        for intended_us in plan.unsent_us(now_us):
            self._context.ledger.unsent(session.conversation, intended_us, now_us)
            self.load.planned[self._second_of(intended_us)] += 1

    def end_all(self) -> None:
        """Sending is over."""
        for session in list(self._plans):
            self.end(session)

    def note_sent(self, intended_us: int, sent_us: int) -> None:
        """A message of a plan was sent."""
        self.load.planned[self._second_of(intended_us)] += 1
        self.load.sent[self._second_of(sent_us)] += 1

    def _second_of(self, time_us: int) -> int:
        """The second of the sending window; what is sent after its end belongs to its last one."""
        if self._ends_us is not None:
            time_us = min(time_us, self._ends_us - 1)
        return (time_us - self._starts_us) // US_PER_SECOND
