"""When each client of a worker sends: the plans within the sending window, and what was planned and sent per second.

Every client that is asked for plans, from the time at which it was asked for. What it does not send, because it is
never ready, comes late or is lost for a while, is unsent; nobody makes up for it.
"""

from __future__ import annotations

from hubbub.client.context import WorkerContext
from hubbub.clock import US_PER_SECOND
from hubbub.metrics.load import Load
from hubbub.pacing.plan import SendPlan, ThinkPlan, constant_gaps, phase_us, poisson_gaps

Plan = SendPlan | ThinkPlan


class Plans:
    """The plans of a worker's clients, which are told apart by their numbers."""

    def __init__(self, context: WorkerContext) -> None:
        self.load = Load()
        self._context = context
        self._asked_us: dict[int, int] = {}
        self._conversation: dict[int, int] = {}
        self._plans: dict[int, Plan] = {}
        self._planned: dict[int, int] = {}
        """How many messages each client plans until the end of the window."""
        self._passed = 0
        """How many messages are sent or unsent."""
        self._starts_us: int | None = None
        self._ends_us: int | None = None
        self._start_together = True
        self._is_over = False
        interval_us = context.settings.message_interval_us
        self._constant_gaps = constant_gaps(interval_us)  # one for all: each would take 200 bytes

    def open_window(self, starts_us: int, length_us: int | None, start_together: bool) -> None:
        """Messages may be sent from now on. With `start_together`, those that are asked for by now plan from now on.

        `length_us` is None for a window that stays open until the run is stopped.
        """
        self._starts_us = starts_us
        self._ends_us = None if length_us is None else starts_us + length_us
        self._start_together = start_together
        for client in self._asked_us:
            self._estimate(client)

    def ask(self, client: int, conversation: int) -> None:
        """A client was asked for that is to send, in a conversation by its index. Only the first time counts."""
        if client not in self._asked_us:
            self._asked_us[client] = self._context.now_us()
            self._conversation[client] = conversation
            self._estimate(client)

    def begin(self, client: int, conversation: int, ready_us: int) -> None:
        """A client is ready since then, and sends from now on: make its plan, or go on with it."""
        assert self._starts_us is not None, "the window is open when clients send"
        self._conversation[client] = conversation
        plan = self._plans.get(client)
        if plan is None:
            plan = self._plans[client] = self._make(client, ready_us)
            self._estimate(client, ready_us)
        if ready_us > self._starts_us:
            self._miss(client, plan.skip(ready_us))

    def of(self, client: int) -> Plan:
        """The plan of a client that has begun."""
        return self._plans[client]

    def _make(self, client: int, ready_us: int | None = None) -> Plan:
        settings = self._context.settings
        base_us = self._base_us(client, ready_us)
        interval_us = settings.message_interval_us
        first_us = base_us + phase_us(client, interval_us)
        backlog_gap_us = max(1, round(US_PER_SECOND / settings.catch_up_rate))
        if settings.model == "closed":
            return ThinkPlan(first_us, interval_us, self._ends_us)
        if settings.arrivals == "poisson":
            gaps = poisson_gaps(interval_us, settings.seed, client)
            return SendPlan(base_us + gaps(-1), gaps, self._ends_us, interval_us, backlog_gap_us)
        return SendPlan(first_us, self._constant_gaps, self._ends_us, interval_us, backlog_gap_us)

    def _base_us(self, client: int, ready_us: int | None) -> int:
        """From when on a client plans: the window's opening, its own start, or when it should have been ready."""
        assert self._starts_us is not None
        asked_us = self._asked_us[client]
        if self._start_together and asked_us <= self._starts_us:
            return self._starts_us
        latest_us = max(asked_us, self._starts_us) + self._context.settings.ready_timeout_us
        return latest_us if ready_us is None else min(max(ready_us, self._starts_us), latest_us)

    def _estimate(self, client: int, ready_us: int | None = None) -> None:
        """How many messages a client plans in all: exact for constant arrivals, the mean for random ones."""
        settings = self._context.settings
        if self._starts_us is None or self._ends_us is None or settings.model == "closed":
            return
        first_us = self._base_us(client, ready_us)
        if settings.arrivals == "constant":
            first_us += phase_us(client, settings.message_interval_us)
        self._planned[client] = self._count_from(first_us)

    @property
    def remaining(self) -> int:
        """How many messages all clients still plan until the window's end."""
        return max(0, sum(self._planned.values()) - self._passed) if self._planned else 0

    def leave(self, client: int) -> None:
        """Who asked for the client stops it: what it planned until now and did not send is unsent. Idempotent."""
        self._end(client)
        self._asked_us.pop(client, None)
        plan = self._plans.pop(client, None)
        if isinstance(plan, SendPlan) and client in self._planned:
            self._planned[client] -= self._count_from(plan.intended_us())

    def _count_from(self, first_us: int | None) -> int:
        """How many messages there are to be in the window, the first of them at a time; 0 for None."""
        if first_us is None or self._ends_us is None:
            return 0
        return max(0, -((first_us - self._ends_us) // self._context.settings.message_interval_us))

    def end_all(self) -> None:
        """Sending is over."""
        for client in list(self._asked_us):
            self._end(client)
        self._is_over = True

    def _end(self, client: int) -> None:
        if self._is_over or self._starts_us is None or client not in self._asked_us:
            return
        plan = self._plans.get(client)
        if plan is None:
            plan = self._plans[client] = self._make(client)
        self._miss(client, plan.skip(self._context.now_us()))

    def _miss(self, client: int, missed: list[int]) -> None:
        now_us = self._context.now_us()
        for intended_us in missed:
            self._context.ledger.unsent(self._conversation[client], intended_us, now_us)
            self.load.planned[self._second_of(intended_us)] += 1
        self._passed += len(missed)

    def note_sent(self, intended_us: int, sent_us: int) -> None:
        """A message of a plan was sent."""
        self.load.planned[self._second_of(intended_us)] += 1
        self.load.sent[self._second_of(sent_us)] += 1
        self._passed += 1

    def _second_of(self, time_us: int) -> int:
        """The second of the sending window; what is sent after its end belongs to its last one."""
        assert self._starts_us is not None
        if self._ends_us is not None:
            time_us = min(time_us, self._ends_us - 1)
        return (time_us - self._starts_us) // US_PER_SECOND
