"""One worker in one run: its ledger, its connections, its clients, and its reports.

An `Assignment` brings the settings and the accounts; clients acquire slots and get ready; `go` opens the sending
window, `drain` ends it. Then: wait for what is on its way, look for unseen messages in the history, decide, leave,
close, and report for the last time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable

from gevent.event import Event
from gevent.pool import Pool

from hubbub.client.accounts import Account
from hubbub.client.context import OnPhase, WorkerContext
from hubbub.client.history import BUDGET_S, STOPPED, ReadBack, choose
from hubbub.client.send_plans import Plans
from hubbub.client.session import Session
from hubbub.client.slots import SlotPool
from hubbub.clock import Task
from hubbub.contracts import Contract, load_contract
from hubbub.errors import Failure, described
from hubbub.health import BackendWait, Lateness
from hubbub.ledger import Ledger
from hubbub.run.instruments import Instruments
from hubbub.run.messages import Assignment, Extension, Report
from hubbub.run.reporter import Reporter
from hubbub.run.terminal import say
from hubbub.run.world import World

REPORT_INTERVAL_S = 1.0
"""Locust's tables and charts have one value per second."""

DRAIN_POLL_S = 0.05
"""How late the end of the drain may be noticed: a fortieth of its default length."""

CLOSING_AT_ONCE = 100
CLOSE_TIMEOUT_S = 15.0
"""For all connections together: a close waits at most 3 s for its peer, and 100 wait at the same time."""

PRODUCERS_PER_WORKER = 1 << 24


class Worker:
    """See the module. `send` takes its reports, `on_phase` is told of every phase of a client that ended.

    Raises HubbubError when the assignment cannot be done here.
    """

    def __init__(self, assignment: Assignment, world: World, send: Callable[[Report], None], on_phase: OnPhase) -> None:
        world.check_room_for(assignment.clients, assignment.settings)
        self.assignment = assignment
        self.payloads = assignment.payloads
        self.is_sending = True
        self.is_hurried = False
        self.window = Event()
        self.ended = Event()
        self._stops_reading = Event()
        self._world = world
        self.context = self._make_context(on_phase)
        self.plans = Plans(self.context)
        self._own = SlotPool(assignment.provision.own, 1)
        self._shared = SlotPool(assignment.provision.shared, assignment.settings.max_conns_per_user)
        self._sessions: set[Session] = set()
        self._clients = 0
        seed = f"{assignment.settings.seed}:{assignment.ordinal}"
        self._instruments = Instruments(self.context, world.machine, seed)
        self._reporter = Reporter(
            *(assignment, world.clock_domain, self.context, self.plans),
            *(self._instruments, send),
        )
        self._ending: Task | None = None
        self._ticker = world.scheduler.spawn(self._tick)

    def _make_context(self, on_phase: OnPhase) -> WorkerContext:
        assignment, world, settings = self.assignment, self._world, self.assignment.settings
        contract = load_contract(settings.contract, settings.delivery_type, settings.contract_settings)
        self._http = world.http(settings, contract.poll_s)
        backend_wait = world.backend_wait(settings, assignment.clock_domain)
        transport = world.transport(settings, settings.seed * 1_000 + assignment.ordinal)
        lateness = Lateness(world.scheduler, backend_wait, transport.look)
        lateness.loop.start()
        context = WorkerContext(
            settings=settings,
            contract=contract,
            ledger=self._make_ledger(contract, backend_wait),
            scheduler=world.scheduler,
            transport=transport,
            http=self._http.request,
            lateness=lateness,
            on_phase=on_phase,
            conversation_ids=dict(assignment.provision.conversations),
            https=self._http.each,
            polls=self._http.polls,
        )
        choose(context, settings.reconcile)
        context.know(assignment.provision.shared + assignment.provision.own)
        return context

    def _make_ledger(self, contract: Contract, backend_wait: BackendWait | None) -> Ledger:
        assignment, provision = self.assignment, self.assignment.provision
        ledger = Ledger(
            assignment.run_number,
            contract,
            assignment.user_ids,
            1 + assignment.ordinal * PRODUCERS_PER_WORKER,
            assignment.tolerances_us,
            backend_wait,
        )
        members = _members(provision.shared + provision.own)
        for index, backend_id in provision.conversations:
            ledger.add_conversation(index, backend_id, members.get(index, []), contract.has_echo)
        return ledger

    def extend(self, extension: Extension) -> None:
        """More accounts, for clients that are asked for now."""
        self._shared.add(extension.shared)
        self._own.add(extension.own)
        self.context.know(extension.shared + extension.own)
        self.context.ledger.add_members(_members(extension.shared + extension.own), extension.user_ids)

    # -- clients -----------------------------------------------------------------------------------------------------

    def number_client(self) -> int:
        """A number for each client of the whole run, from 0, interleaved between the workers."""
        number = self._clients * self.assignment.workers + self.assignment.ordinal
        self._clients += 1
        return number

    def conversation_of(self, client: int) -> int:
        """Clients are spread around the worker's conversations, those that never had a session, too."""
        conversations = self.assignment.provision.conversations
        return conversations[client // self.assignment.workers % len(conversations)][0]

    def open_session(self, has_own_account: bool) -> Session:
        """A session for a client that starts, on a slot of its own. Raises NoAccount when no slot is free."""
        session = Session(self.context, self._slots(has_own_account).acquire())
        self._sessions.add(session)
        return session

    def close_session(self, session: Session, has_own_account: bool) -> None:
        """The session's client stops: close it, and release its slot."""
        session.close()
        self._sessions.discard(session)
        self._slots(has_own_account).release(session.slot)

    def _slots(self, has_own_account: bool) -> SlotPool:
        return self._own if has_own_account else self._shared

    # -- the run -----------------------------------------------------------------------------------------------------

    def go(self, window_us: int | None, start_together: bool) -> None:
        """Open the sending window.

        What was made until now lives as long as the run: the garbage collector need not walk over it again and again.
        """
        gc.collect()
        gc.freeze()
        starts_us = self.context.now_us()
        self.plans.open_window(starts_us, window_us, start_together)
        self.context.population.open_window(window_us)
        self.context.ledger.skip_warmup(starts_us + self.assignment.settings.warmup_us)
        self._instruments.start()
        self.window.set()

    def _tick(self) -> None:
        """Once a second, in small steps: done at once, the work of a second would make every delivery late."""
        while True:
            began_us = self.context.now_us()
            self.context.scheduler.sleep(REPORT_INTERVAL_S)
            try:
                self._close_second(began_us)
            except Exception as error:
                self._fail(error)

    def _close_second(self, began_us: int) -> None:
        context, scheduler = self.context, self.context.scheduler
        ledger = context.ledger
        for conversation in list(ledger.conversations.values()):
            ledger.flush_conversation(conversation)
            scheduler.sleep(0)
        self._instruments.close_second()
        scheduler.sleep(0)
        if context.lateness.loop.has_stalled(began_us):
            self._doubt_unread()
        ledger.tick(context.now_us())
        context.presence.decide(context.now_us())
        scheduler.sleep(0)
        self._report()

    def _fail(self, error: Exception) -> None:
        """An exception of our own: what was measured is reported all the same, and the verdict knows of it."""
        self._reporter.failure = self._reporter.failure or described(error)
        self.context.explain_once(error)

    def _doubt_unread(self) -> None:
        """Before losses are decided: read what has arrived. What is still unread is no evidence."""
        self.context.transport.look()
        for session in self._sessions:
            session.doubt_unread()

    def _report(self, is_final: bool = False) -> None:
        self._reporter.report(sum(session.is_ready for session in self._sessions), is_final)

    # -- the end -----------------------------------------------------------------------------------------------------

    def drain(self, is_hurried: bool, is_leaving: bool = False, is_impatient: bool = False) -> None:
        """Stop sending and end the run in the background; `ended` is set when the final report was sent.

        `is_leaving`: this worker's process is told to stop, whatever the run does. `is_impatient`: a person waits for
        the end, so no history is read any more.
        """
        self._reporter.is_leaving = self._reporter.is_leaving or (is_leaving and self._ending is None)
        self.is_sending = False
        self.is_hurried = self.is_hurried or is_hurried
        self.window.set()
        if is_hurried or is_impatient:
            self._stops_reading.set()
        if self._ending is None:
            self._ending = self.context.scheduler.spawn(self._end)

    def _end(self) -> None:
        steps = (
            *(self._drain, self._instruments.close_second, self._instruments.stop, self._read_back, self._decide),
            *(self._close_all, self._stop_watching, lambda: self._report(is_final=True)),
            *(self._http.close, self.context.transport.close),
        )
        try:
            for step in steps:  # one that fails keeps no other from being done
                try:
                    step()
                except Exception as error:
                    self._fail(error)
        finally:
            self.ended.set()

    def _drain(self) -> None:
        """Wait until nothing new arrives any more."""
        context, settings = self.context, self.assignment.settings
        self.plans.end_all()
        context.population.close_window()
        connections = context.phase_stats.connections
        connections.ready_at_end = sum(session.is_ready for session in self._sessions)
        connections.never_back = sum(session.lost_at_us is not None for session in self._sessions)
        for session in self._sessions:
            session.resume_reading()
        began_us = context.now_us()
        while not self.is_hurried:
            now_us = context.now_us()
            last_us = max(context.ledger.latencies.last_first_arrival_us, context.lateness.loop.long_stall_ended_us)
            quiet_us = now_us - max(began_us, last_us)
            if quiet_us >= settings.drain_quiet_us or now_us - began_us >= settings.drain_timeout_us:
                return
            context.scheduler.sleep(DRAIN_POLL_S)

    def _read_back(self) -> None:
        """Look for unseen messages in the backend's history, until somebody wants the end of the run."""
        settings, scheduler = self.assignment.settings, self.context.scheduler
        reading = ReadBack(self.context, self._world.requests(settings), settings.reconcile, say)

        def read() -> None:
            try:
                reading.run()
            finally:
                self._stops_reading.set()

        task = None if self._stops_reading.is_set() else scheduler.spawn(read)
        is_over = scheduler.wait(self._stops_reading, BUDGET_S)
        if task is not None:
            task.kill()
        reading.close(STOPPED if is_over else f"reading took longer than {BUDGET_S:g} s")
        self._reporter.history, self._reporter.history_problem = reading.history, reading.problem

    def _decide(self) -> None:
        """Decide everything that is open."""
        context = self.context
        self._doubt_unread()
        context.ledger.finish(context.now_us(), self.is_hurried)
        for _ in range(context.ledger.surplus_refusals):
            context.error(Failure("error frame: surplus"), "an error frame for which no message is left")

    def _close_all(self) -> None:
        pool = Pool(CLOSING_AT_ONCE)
        for session in list(self._sessions):
            pool.spawn(session.close)
        pool.join(CLOSE_TIMEOUT_S)

    def abandon(self) -> None:
        """Another run begins: stop reporting about this one."""
        self._stop_watching()
        self.context.transport.close()
        self.is_sending = False
        self.window.set()

    def _stop_watching(self) -> None:
        self._ticker.kill()
        self._instruments.stop()
        self.context.lateness.loop.stop()


def _members(accounts: Iterable[Account]) -> dict[int, list[int]]:
    """The indexes of the accounts of each conversation."""
    members: dict[int, list[int]] = {}
    for account in accounts:
        for conversation in account.conversations:
            members.setdefault(conversation, []).append(account.index)
    return members
