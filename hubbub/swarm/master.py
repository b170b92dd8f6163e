"""One run as the master sees it: plan it, start it, end it, judge it, write it down."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil
from typing import Any

import gevent
from gevent.event import Event

from hubbub.accounts import Account, Needs, Provisioner, read_accounts
from hubbub.canary import Task
from hubbub.clock import clock_domain, format_duration
from hubbub.config import Settings, slo_texts
from hubbub.contracts import load_contract
from hubbub.corpus import Corpus
from hubbub.errors import RunError
from hubbub.exit_code import ExitCode
from hubbub.report import Outcome, Watch, build_summary, parse_objectives, render_console, tolerances_us
from hubbub.requests_client import client_of
from hubbub.swarm.canary import CanaryProcess
from hubbub.swarm.crew import websocket_origin
from hubbub.swarm.folder import RunFolder, make_folder, versions
from hubbub.swarm.messages import DRAIN, GO, PREPARE, Report
from hubbub.swarm.record import Record
from hubbub.swarm.terminal import say
from hubbub.wire import to_plain

logger = logging.getLogger(__name__)

POLL_S = 0.05
BACKLOG_GRACE_S = 1.0
FLUSH_TIMEOUT_S = 60.0
HURRIED_FLUSH_TIMEOUT_S = 10.0
MISSING_STATE = "missing"


class MasterRun:
    """One run as the master sees it: `begin` it, tell it when all users are `spawned`, `end` it."""

    def __init__(
        self,
        environment: Any,
        settings: Settings,
        workers: list[str],
        finish_test: Callable[[], None],
    ) -> None:
        self.id = uuid.uuid4().hex[:8]
        self.settings = settings
        self.exit_code: int | None = None
        self.console = ""
        self.record: Record
        self._environment = environment
        self._workers = workers
        self._finish_test = finish_test
        self._canary_task: Task | None = None
        self._canary: CanaryProcess | None = None
        self._lost: list[str] = []
        self._interruption = ""
        self._aborted = ""
        self._observed_s = 0
        self._window_opened_s: float | None = None
        self._window_closed = False
        self._is_ending = False
        self._is_hurried = False
        self._ended = Event()
        self._spawned_s: float | None = None
        self._conducting: gevent.Greenlet | None = None
        self._started_at = datetime.now(UTC)

    # -- before ------------------------------------------------------------------------------------------------------

    def begin(self, roaming: set[str]) -> None:
        """Make accounts, conversations and the folder, and tell the workers. Raises HubbubError when that fails."""
        settings, workers = self.settings, self._workers
        if not settings.host:
            raise RunError("there is no backend to test: give --host.")
        corpus = Corpus.make(settings.seed, settings.message_size)
        watch = Watch(parse_objectives(slo_texts(settings.slo)))
        provisions = self._provision(roaming)
        self.folder = RunFolder(make_folder(settings.run_dir, settings.profile), self._environment)
        self.folder.write_json("config.json", settings.to_dict(masked=True))
        self.folder.journal("begin", run=self.id, workers=workers, host=settings.host)
        self.record = Record(self._blank(), self.folder, self._environment.stats, watch)
        user_ids = [account.user_id for provision in provisions for account in provision.shared + provision.own]
        for ordinal, (worker, provision) in enumerate(zip(workers, provisions, strict=True)):
            plan = {
                "run": self.id,
                "run_number": int(self.id, 16),
                "worker": worker,
                "ordinal": ordinal,
                "workers": len(workers),
                "clients": self._clients_of_one_worker,
                "settings": settings.to_dict(),
                "corpus": corpus.to_dict(),
                "user_ids": user_ids,
                "tolerances_us": tolerances_us(watch.objectives),
                "clock_domain": clock_domain(),
                "provision": to_plain(provision),
            }
            self._environment.runner.send_message(PREPARE, plan, worker)
        self._canary = CanaryProcess(self._canary_task) if self._canary_task is not None else None
        self._conducting = gevent.spawn(self._conduct)

    @property
    def _clients_of_one_worker(self) -> int:
        return ceil(self.settings.clients / len(self._workers))

    def _provision(self, roaming: set[str]) -> list[Any]:
        """Make accounts and conversations for every worker."""
        settings = self.settings
        contract = load_contract(settings.contract)
        configured = read_accounts(settings.accounts) if settings.accounts else []
        if settings.account_email:
            configured.append((settings.account_email, settings.account_password))
        http = client_of(settings, settings.host)
        provisioner = Provisioner(contract, http, self.id, configured, gevent.sleep, logger.info)
        provisioner.check_backend()
        say(
            f"run {self.id} against {settings.host}: {settings.clients} clients on {len(self._workers)} worker(s), "
            f"{settings.conversations} conversation(s), seed {settings.seed}"
        )
        roamers = self._roamers(roaming)
        provisions = provisioner.make(
            [
                Needs.of(
                    self._clients_of_one_worker,
                    min(roamers, self._clients_of_one_worker),
                    settings.max_conns_per_user,
                    conversations,
                )
                for conversations in spread(settings.conversations, len(self._workers))
            ],
            settings.conversation_id,
        )
        if settings.canary:
            index, backend_id = provisions[0].conversations[0]
            self._canary_task = self._task_of_canary(provisioner.one_more(index, backend_id), backend_id)
        return provisions

    def _task_of_canary(self, account: Account, conversation_id: int) -> Task:
        """The canary listens in the first worker's first conversation."""
        settings = self.settings
        return Task(
            host=settings.host,
            websocket_origin=websocket_origin(settings.host),
            contract=settings.contract,
            email=account.email,
            password=account.password,
            conversation_id=conversation_id,
            run_number=int(self.id, 16),
            headers=settings.headers,
            ca=settings.ca,
            insecure=settings.insecure,
            timeout_s=settings.connect_timeout_us / 1e6,
        )

    def _roamers(self, roaming: set[str]) -> int:
        """How many users at most need an account of their own."""
        classes = self._environment.user_classes
        weights = {user_class.__name__: user_class.weight for user_class in classes}
        share = sum(weight for name, weight in weights.items() if name in roaming) / sum(weights.values())
        return ceil(self.settings.clients * share) + 1 if share else 0

    # -- during ------------------------------------------------------------------------------------------------------

    def take(self, report: Report) -> None:
        """A worker's report."""
        self.record.take(report)

    def spawned(self) -> None:
        """Locust has spawned all users."""
        self._spawned_s = self._spawned_s or time.monotonic()

    @property
    def elapsed_us(self) -> int:
        """Microseconds since the sending window opened; 0 before."""
        if self._window_opened_s is None:
            return 0
        return round((time.monotonic() - self._window_opened_s) * 1e6)

    def _conduct(self) -> None:
        """Wait until all are ready, open the window, and end the test when it is over or a worker is lost."""
        if self.settings.shape == "none":
            self._wait(self._all_are_ready)
        self._open_window()
        if not self._wait(self._window_is_over):
            self._wait_for_backlog()
        self._window_closed = True
        gevent.spawn(self._finish_test)

    def _open_window(self) -> None:
        self._window_opened_s = time.monotonic()
        window_us = self.settings.duration_us
        is_barrier = self.settings.shape == "none"
        self._send(GO, {"run": self.id, "window_us": window_us, "starts_at_go": is_barrier})
        length = "until it is stopped" if window_us is None else f"for {format_duration(window_us)}"
        say(f"{self.record.ready} clients are ready; sending {length}")

    def _wait(self, is_over: Callable[[], bool]) -> bool:
        """Poll until `is_over`, or until something ends the run early; True in the second case."""
        while not is_over():
            if self._worker_is_lost() or self.record.problem or self._is_aborted():
                return True
            gevent.sleep(POLL_S)
        return False

    def _all_are_ready(self) -> bool:
        if self._spawned_s is None:
            return False
        if time.monotonic() - self._spawned_s >= self.settings.ready_timeout_us / 1e6:
            return True
        canary_is_missing = self._canary is not None and not self._canary.is_ready
        return self.record.ready >= self.settings.clients and not canary_is_missing

    def _window_is_over(self) -> bool:
        return self.settings.duration_us is not None and self.elapsed_us >= self.settings.duration_us

    def _wait_for_backlog(self) -> None:
        """What was planned inside the window may leave a moment after it."""
        until_s = time.monotonic() + BACKLOG_GRACE_S
        while time.monotonic() < until_s:
            gevent.sleep(POLL_S)

    def _worker_is_lost(self) -> bool:
        runner = self._environment.runner
        if not hasattr(runner, "clients"):
            return False
        present = {client.id for client in runner.clients.all if client.state != MISSING_STATE}
        for worker in self._workers:
            if worker not in present and worker not in self._lost and not self.record.is_final(worker):
                self._lost.append(worker)
        return bool(self._lost)

    def _is_aborted(self) -> bool:
        """Whether an objective that ends the run is broken; looks once a second while messages are sent."""
        elapsed_s = self.elapsed_us // 1_000_000
        if elapsed_s > self._observed_s:
            self._observed_s = elapsed_s
            self._aborted = self.record.observe(self.elapsed_us)
        return bool(self._aborted)

    def _send(self, kind: str, data: dict[str, Any]) -> None:
        for worker in self._workers:
            self._environment.runner.send_message(kind, data, worker)

    # -- after -------------------------------------------------------------------------------------------------------

    def hurry(self) -> None:
        """Do not wait for the drain."""
        self._is_hurried = True
        if self._is_ending:
            self._send(DRAIN, {"run": self.id, "is_hurried": True})

    def end(self, interruption: str) -> None:
        """Drain, gather the final reports, judge and write. Whoever comes second waits for the first."""
        if self._is_ending:
            self._ended.wait()
            return
        self._is_ending = True
        if self._conducting is None:
            self._ended.set()
            return
        self._interruption = interruption or self._stopped_early()
        try:
            self._conducting.kill(block=False)
            self._send(DRAIN, {"run": self.id, "is_hurried": self._is_hurried})
            self._gather()
            self._conclude()
        finally:
            self._ended.set()

    def _stopped_early(self) -> str:
        """Why a run that nobody interrupted has no full window, or nothing."""
        if self._window_closed or self._lost or self._aborted or self.settings.duration_us is None:
            return ""
        if self.settings.shape != "none" and self._window_is_over():
            return ""
        return "the run was stopped before its end"

    def _gather(self) -> None:
        """Wait for every worker's final report, as long as it lives and is heard of now and then."""
        began_s, sequences = time.monotonic(), 0
        while True:
            self._worker_is_lost()
            if not self._is_hurried and self.record.sequences > sequences:  # who reports is not lost, but busy
                began_s, sequences = time.monotonic(), self.record.sequences
            missing = [name for name in self._workers if not self.record.is_final(name) and name not in self._lost]
            limit_s = HURRIED_FLUSH_TIMEOUT_S if self._is_hurried else FLUSH_TIMEOUT_S
            if not missing:
                return
            if time.monotonic() - began_s > limit_s + self.settings.drain_timeout_us / 1e6:
                self._lost += missing
                return
            gevent.sleep(POLL_S)

    def _conclude(self) -> None:
        self.record.close()
        if self.record.problem:
            self._stop_canary()
            self.exit_code = ExitCode.IMPOSSIBLE
            self.console = f"hubbub: {self.record.problem}"
            self.folder.close()
            return
        outcome = self._outcome()
        self.record.watch.observe(self.elapsed_us, outcome)
        summary = build_summary(outcome, self.record.watch.results(outcome))
        self.folder.write_json("summary.json", summary)
        self.folder.journal("end", verdict=summary["verdict"])
        self.folder.close()
        self.exit_code = summary["verdict"]["exit_code"]
        self.console = render_console(summary, str(self.folder.path))

    def _blank(self) -> Outcome:
        return Outcome(
            run_id=self.id,
            started_at=self._started_at.isoformat(timespec="milliseconds"),
            duration_s=0.0,
            settings=self.settings,
            users=self.settings.clients,
            workers=len(self._workers) if hasattr(self._environment.runner, "clients") else 0,
            versions=versions(),
            comes_and_goes=any(getattr(user, "comes_and_goes", False) for user in self._environment.user_classes),
        )

    def _outcome(self) -> Outcome:
        outcome = self.record.outcome()
        outcome.duration_s = round((datetime.now(UTC) - self._started_at).total_seconds(), 3)
        outcome.interruption, outcome.aborted = self._interruption, self._aborted
        outcome.lost_workers = self._lost
        outcome.canary, outcome.canary_problem = self._stop_canary()
        return outcome

    def _stop_canary(self) -> tuple[dict[str, Any] | None, str]:
        """What the canary saw; None without one, or with what went wrong."""
        if self._canary is None:
            return None, ""
        canary, self._canary = self._canary, None
        seen, problem = canary.finish()
        if not self.record.shares_our_clock:
            return None, "a worker runs on another machine, whose clock it does not share"
        return seen, problem


def spread(total: int, parts: int) -> list[int]:
    """`total` in `parts` whole parts, as equal as can be."""
    return [total // parts + (part < total % parts) for part in range(parts)]
