"""A worker's side of a run: its ledger, its connections, its users, and its reports.

A run at a worker: PREPARE brings the settings and the accounts, users lease places and get ready, GO opens the sending
window, DRAIN ends it. Then: wait for what is on its way, look for unseen messages in the history, decide, leave,
close, and report for the last time.
"""

from __future__ import annotations

import gc
import logging
import ssl
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import gevent
from gevent.event import Event
from gevent.pool import Pool

from hubbub.accounts import Place, Places, Provision
from hubbub.clock import clock_domain, monotonic_us
from hubbub.config import Settings
from hubbub.contracts import Phase, load_contract
from hubbub.corpus import Corpus
from hubbub.errors import HubbubError
from hubbub.health import BackendWait, Health, LoopWatch, Sampler, run_queue_waits
from hubbub.history import choose, read_back
from hubbub.ledger import Ledger
from hubbub.ledger.figures import NoWait
from hubbub.ledger.history import History
from hubbub.metrics.in_flight import InFlight
from hubbub.metrics.load import Load
from hubbub.pacing.plan import SendPlan, ThinkPlan, constant_gaps, phase_us, poisson_gaps
from hubbub.requests_client import client_of
from hubbub.session import Equipment, Session
from hubbub.swarm.files import check_open_files
from hubbub.swarm.messages import DRAIN, GO, PREPARE, REPORT, Report
from hubbub.transport.base import Dialling, make_ssl_context
from hubbub.transport.http import HttpPool
from hubbub.transport.socket import SocketTransport
from hubbub.transport.sources import parse_sources
from hubbub.wire import from_plain, to_plain

logger = logging.getLogger(__name__)

REPORT_INTERVAL_S = 1.0
DRAIN_POLL_S = 0.05
CLOSING_AT_ONCE = 100
CLOSE_TIMEOUT_S = 15.0
SENDERS_PER_WORKER = 1 << 24
IN_FLIGHT_INTERVAL_S = 0.5
"""Mean time between two samples of what is in flight. The times are random: the senders may have a rhythm."""

ROW_TYPE = {Phase.CONNECT: "WS", Phase.JOIN: "WS"}


class Crew:
    """One worker (or the only process). Users find it at `environment.hubbub_crew`."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.run: WorkerRun | None = None
        self.prepared = Event()
        runner = environment.runner
        runner.register_message(PREPARE, self._on_prepare)
        runner.register_message(GO, self._on_go)
        runner.register_message(DRAIN, self._on_drain)

    def _on_prepare(self, environment: Any, msg: Any, **_kwargs: Any) -> None:
        self.prepared.clear()
        if self.run is not None:
            self.run.abandon()
        try:
            self.run = WorkerRun(msg.data, self._send, environment)
        except HubbubError as error:
            problem = Report(run=msg.data["run"], worker=msg.data["worker"], problem=str(error), is_final=True)
            self._send(problem)
            return
        self.prepared.set()

    def _on_go(self, environment: Any, msg: Any, **_kwargs: Any) -> None:
        if self.run is not None and self.run.id == msg.data["run"]:
            self.run.go(msg.data["window_us"], msg.data["starts_at_go"])

    def _on_drain(self, environment: Any, msg: Any, **_kwargs: Any) -> None:
        if self.run is not None and self.run.id == msg.data["run"]:
            self.run.begin_end(msg.data["is_hurried"])

    def _send(self, report: Report) -> None:
        self.environment.runner.send_message(REPORT, to_plain(report))

    def end(self) -> None:
        """End this worker's part because its process is told to stop; blocks until the final report is sent."""
        if self.run is not None:
            self.run.begin_end(is_hurried=False)
            self.run.ended.wait()


class WorkerRun:
    """One run at one worker. `plan` is the PREPARE message, `send` sends a report."""

    def __init__(self, plan: dict[str, Any], send: Callable[[Report], None], environment: Any) -> None:
        self.id: str = plan["run"]
        self.settings = Settings.from_dict(plan["settings"])
        self._name: str = plan["worker"]
        self._ordinal: int = plan["ordinal"]
        self._workers: int = plan["workers"]
        self._send = send
        self._environment = environment
        self._sequence = 0
        self._clients = 0
        self._plans: dict[Session, SendPlan | ThinkPlan] = {}
        self._sessions: set[Session] = set()
        self._ending: gevent.Greenlet | None = None
        self._history = History()
        self._history_problem = ""
        self._host = clock_domain()
        self._constant_gaps = constant_gaps(self.settings.message_interval_us)  # one for all: each would take 200 bytes
        self._findings_reported = 0
        self._dropped_reported = 0
        self._is_measuring = False
        self._load = Load()
        self._in_flight = InFlight()
        self._random = Random(f"{self.settings.seed}:{self._ordinal}")
        check_open_files(plan["clients"])
        provision = from_plain(Provision, plan["provision"])
        self.corpus = Corpus.from_dict(plan["corpus"])
        self.shared = Places(provision.shared, self.settings.max_conns_per_user)
        self.own = Places(provision.own, 1)
        self.health = Health()
        self.transport: SocketTransport
        self._backend_wait = self._watch_backend(plan["clock_domain"])
        self._loop = LoopWatch(monotonic_us, self._beat)
        self.equipment = self._equip(provision, plan)
        self._loop.start()
        self._sampler = Sampler(self.equipment.clock, self._loop, self.health.loop_lag)
        self.window = Event()
        self.window_starts_us = 0
        self.window_ends_us: int | None = None
        self._starts_at_go = True
        self.is_sending = True
        self.is_hurried = False
        self.ended = Event()
        self._ticker = gevent.spawn(self._tick)
        self._in_flight_sampler = gevent.Greenlet(self._sample_in_flight)

    def _watch_backend(self, master_domain: str) -> BackendWait | None:
        """The waits of the backend's processes, where they are known and run on this machine."""
        pids = self.settings.backend_pids
        if not pids or clock_domain() != master_domain:
            return None
        return BackendWait(monotonic_us, lambda: run_queue_waits(pids))

    def _beat(self) -> None:
        """The heartbeat: nothing that is looked at by the clock was looked at long ago."""
        self.transport.look()
        if self._backend_wait is not None:
            self._backend_wait.sample()

    def _equip(self, provision: Provision, plan: dict[str, Any]) -> Equipment:
        settings = self.settings
        contract = load_contract(settings.contract)
        is_tls = settings.host.startswith("https:")
        context = make_ssl_context(settings.ca, settings.insecure) if is_tls else None
        ledger = Ledger(
            plan["run_number"],
            contract,
            plan["user_ids"],
            1 + self._ordinal * SENDERS_PER_WORKER,
            plan["tolerances_us"],
            self._backend_wait,
        )
        members: dict[int, list[int]] = {}
        for account in provision.shared + provision.own:
            for conversation in account.conversations:
                members.setdefault(conversation, []).append(account.index)
        for index, backend_id in provision.conversations:
            ledger.add_conversation(index, backend_id, members.get(index, []), contract.has_echo)
        self.transport = SocketTransport(self._dialling(context), settings.seed * 1_000 + self._ordinal)
        equipment = Equipment(
            contract=contract,
            http=HttpPool(settings.host, settings.connect_timeout_us, settings.headers, context),
            transport=self.transport,
            connect_timeout_us=settings.connect_timeout_us,
            websocket_origin=websocket_origin(settings.host),
            ledger=ledger,
            clock=monotonic_us,
            loop=self._loop,
            backend_wait=self._backend_wait or NoWait(),
            run_started_us=monotonic_us(),
            join_timeout_us=settings.join_timeout_us,
            logs_in_per_client=settings.logins == "client",
            on_phase=self._show_phase,
            conversation_ids=dict(provision.conversations),
        )
        choose(equipment, settings.reconcile)
        return equipment

    def _dialling(self, context: ssl.SSLContext | None) -> Dialling:
        settings = self.settings
        return Dialling(
            timeout_us=settings.connect_timeout_us,
            headers=settings.headers,
            ssl_context=context,
            sources=parse_sources(settings.source_addresses),
            offers_deflate=settings.deflate,
            wants_stamps=settings.receive_stamps,
        )

    def _show_phase(self, phase: Phase, elapsed_us: int, failure: str) -> None:
        """A phase as a row of Locust's tables."""
        self._environment.events.request.fire(
            request_type=ROW_TYPE.get(phase, "HTTP"),
            name=phase.value,
            response_time=elapsed_us / 1_000,
            response_length=0,
            exception=RuntimeError(failure) if failure else None,
            context={},
        )

    # -- users -------------------------------------------------------------------------------------------------------

    def open_session(self, has_own_account: bool) -> Session:
        """A session for a user that starts, on a leased place. Raises RunError when no place is free."""
        session = Session(self.equipment, (self.own if has_own_account else self.shared).lease())
        self._sessions.add(session)
        return session

    def close_session(self, session: Session, has_own_account: bool) -> None:
        """The session's user stops: close it, and give its place back."""
        session.close()
        self._sessions.discard(session)
        places: Places = self.own if has_own_account else self.shared
        place: Place = session.place
        places.give_back(place)

    def client_number(self) -> int:
        """A number for each client of the whole run, from 0, interleaved between the workers."""
        number = self._clients * self._workers + self._ordinal
        self._clients += 1
        return number

    def plan_for(self, client: int, session: Session) -> SendPlan | ThinkPlan:
        """The client's send plan. Call it when the window is open and the client is ready."""
        settings = self.settings
        base_us = self.window_starts_us if self._starts_at_go else self.equipment.clock()
        interval_us = settings.message_interval_us
        first_us = base_us + phase_us(client, interval_us)
        plan: SendPlan | ThinkPlan
        if settings.model == "closed":
            plan = ThinkPlan(first_us, interval_us, self.window_ends_us)
        elif settings.arrivals == "poisson":
            gaps = poisson_gaps(interval_us, settings.seed, client)
            plan = SendPlan(base_us + gaps(-1), gaps, self.window_ends_us, interval_us)
        else:
            plan = SendPlan(first_us, self._constant_gaps, self.window_ends_us, interval_us)
        self._plans[session] = plan
        return plan

    def end_plan(self, session: Session) -> None:
        """The session's client stops: what it planned until now and did not send is unsent."""
        plan = self._plans.pop(session, None)
        if plan is None:
            return
        now_us = self.equipment.clock()
        for intended_us in plan.unsent_us(now_us):
            self.equipment.ledger.unsent(session.conversation, intended_us, now_us)
            self._load.planned[self._second_of(intended_us)] += 1

    def note_sent(self, intended_us: int, sent_us: int) -> None:
        """A message of a plan was sent."""
        self._load.planned[self._second_of(intended_us)] += 1
        self._load.sent[self._second_of(sent_us)] += 1

    def _second_of(self, time_us: int) -> int:
        """The second of the sending window; what is sent after its end belongs to its last one."""
        if self.window_ends_us is not None:
            time_us = min(time_us, self.window_ends_us - 1)
        return (time_us - self.window_starts_us) // 1_000_000

    # -- the run -----------------------------------------------------------------------------------------------------

    def go(self, window_us: int | None, starts_at_go: bool) -> None:
        """Open the sending window.

        What was made until now lives as long as the run: the garbage collector need not walk over it again and again.
        """
        gc.collect()
        gc.freeze()
        self.window_starts_us = self.equipment.clock()
        self._starts_at_go = starts_at_go
        self.window_ends_us = None if window_us is None else self.window_starts_us + window_us
        self.equipment.ledger.skip_warmup(self.window_starts_us + self.settings.warmup_us)
        self._sampler.start()
        self._in_flight_sampler.start()
        self._is_measuring = True
        self.window.set()

    def _tick(self) -> None:
        """Once a second, in small steps: done at once, the work of a second would make everyone late."""
        ledger = self.equipment.ledger
        while True:
            began_us = self.equipment.clock()
            gevent.sleep(REPORT_INTERVAL_S)
            for conversation in list(ledger.conversations.values()):
                ledger.settle_conversation(conversation)
                gevent.sleep(0)
            self._close_second()
            gevent.sleep(0)
            if self._loop.has_stalled(began_us):
                self._doubt_unread()
            ledger.tick(self.equipment.clock())
            gevent.sleep(0)
            self._report()

    def _close_second(self) -> None:
        """Judge the second that is over. Only those of the window and the drain count: the rest may be hard work."""
        ledger = self.equipment.ledger
        if self._is_measuring:
            failed = self.transport.statistics()["receiver_errors"]
            dropped, self._dropped_reported = failed - self._dropped_reported, failed
            second = ledger.figures.second
            self.health.add(self._sampler.close_second(second.send_lag, second.response, dropped))
        ledger.close_second(has_low_ends=self.transport.stamps_are_steady())

    def _doubt_unread(self) -> None:
        """Before losses are decided: read what has arrived. What is still unread is no evidence."""
        self.transport.look()
        for session in self._sessions:
            session.doubt_unread()

    def _sample_in_flight(self) -> None:
        """From the opening of the window to the end of the drain."""
        before_us = now_us = 0
        while self._is_measuring:
            gevent.sleep(self._random.expovariate(1 / IN_FLIGHT_INTERVAL_S))
            before_us, now_us = now_us, self.equipment.clock()
            self._in_flight.sample(self.equipment.ledger.in_flight(), now_us - before_us if before_us else 0)

    def _stop_measuring(self) -> None:
        """The drain is over: nothing that counts for the times comes any more."""
        self._close_second()
        self._is_measuring = False
        self._in_flight_sampler.kill(block=False)
        self._sampler.stop()

    def _report(self, is_final: bool = False) -> None:
        self._sequence += 1
        now_us = self.equipment.clock()
        ledger = self.equipment.ledger
        findings = ledger.findings.settled(now_us, is_final)
        report = Report(
            run=self.id,
            worker=self._name,
            sequence=self._sequence,
            ready=sum(session.is_ready for session in self._sessions),
            is_final=is_final,
            history_problem=self._history_problem,
            host=self._host,
            counts=ledger.counts,
            timings=ledger.timings,
            tally=self.equipment.tally,
            health=self.health,
            history=self._history,
            load=self._load if is_final else Load(),
            in_flight=self._in_flight,
            clock_bound_us=self.transport.clock_bound_us,
            findings=findings[self._findings_reported :],
            conversations=ledger.conversation_counts() if is_final else {},
        )
        self._findings_reported = len(findings)
        self._send(report)

    def begin_end(self, is_hurried: bool) -> None:
        """Stop sending and end the run in the background; `ended` is set when the final report was sent."""
        self.is_sending = False
        self.is_hurried = self.is_hurried or is_hurried
        self.window.set()
        if self._ending is None:
            self._ending = gevent.spawn(self._end)

    def _end(self) -> None:
        try:
            self._drain()
            self._stop_measuring()
            self._decide()
            self._close_all()
        finally:
            self._stop_watching()
            self._report(is_final=True)
            self.equipment.http.close()
            self.transport.close()
            self.ended.set()

    def _drain(self) -> None:
        """Wait until nothing new arrives any more."""
        equipment, settings = self.equipment, self.settings
        for session in list(self._plans):
            self.end_plan(session)
        for session in self._sessions:
            session.resume_reading()
        began_us = equipment.clock()
        while not self.is_hurried:
            now_us = equipment.clock()
            last_us = max(equipment.ledger.figures.last_first_arrival_us, self._loop.long_stall_ended_us)
            quiet_us = now_us - max(began_us, last_us)
            if quiet_us >= settings.drain_quiet_us or now_us - began_us >= settings.drain_timeout_us:
                return
            gevent.sleep(DRAIN_POLL_S)

    def _decide(self) -> None:
        """Look for messages that nobody saw in the backend's history, then decide everything that is open."""
        equipment = self.equipment
        http = client_of(self.settings, self.settings.host)
        self._history, self._history_problem = read_back(equipment, http, self.settings.reconcile)
        if self._history_problem:
            equipment.error("history", self._history_problem)
        self._doubt_unread()
        equipment.ledger.finish(equipment.clock(), self.is_hurried)
        for _ in range(equipment.ledger.surplus_refusals):
            equipment.error("error frame: surplus", "an error frame for which no message is left")

    def _close_all(self) -> None:
        pool = Pool(CLOSING_AT_ONCE)
        for session in list(self._sessions):
            pool.spawn(session.close)
        pool.join(CLOSE_TIMEOUT_S)

    def abandon(self) -> None:
        """Another run begins: stop reporting about this one."""
        self._stop_watching()
        self.transport.close()
        self.is_sending = False
        self.window.set()

    def _stop_watching(self) -> None:
        self._ticker.kill()
        self._in_flight_sampler.kill(block=False)
        self._sampler.stop()
        self._loop.stop()


def websocket_origin(origin: str) -> str:
    """ws:// for http://, wss:// for https://."""
    parts = urlsplit(origin)
    return urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))
