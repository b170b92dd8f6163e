"""The master's side of a run (or of the only process): plan it, start it, end it, judge it, write it down.

Every way in which a run can end (its duration, a shape's end, the web form's Stop, Ctrl-C, SIGTERM, a lost worker)
leads to Locust's `test_stopping`, and there to `end`, which blocks Locust until the run was drained and judged.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any

import gevent
import requests
from gevent.event import Event

from hubbub.accounts import Needs, Provisioner, Request, read_accounts
from hubbub.clock import format_duration
from hubbub.config import ROOT, Settings
from hubbub.contracts import load_contract
from hubbub.corpus import Corpus
from hubbub.errors import ConnectError, HubbubError, RunError
from hubbub.report import Outcome, build_summary, render_console
from hubbub.swarm.folder import RunFolder, make_folder, versions
from hubbub.swarm.messages import DRAIN, GO, PREPARE, REPORT, Report

logger = logging.getLogger(__name__)

POLL_S = 0.05
BACKLOG_GRACE_S = 1.0
FLUSH_TIMEOUT_S = 60.0
HURRIED_FLUSH_TIMEOUT_S = 10.0
MISSING_STATE = "missing"


class Conductor:
    """Conducts one run after another. `roaming` names the user classes that need accounts of their own."""

    def __init__(self, environment: Any, read_settings: Callable[[int], Settings], roaming: set[str]) -> None:
        self._environment = environment
        self._read_settings = read_settings
        self._roaming = roaming
        self.run: MasterRun | None = None
        self.is_interrupted = False
        self.problem = ""
        environment.runner.register_message(REPORT, self._on_report)

    def _on_report(self, environment: Any, msg: Any, **_kwargs: Any) -> None:
        if self.run is not None and msg.data["run"] == self.run.id:
            self.run.take(Report.from_dict(msg.data))

    @property
    def workers(self) -> list[str]:
        """The ids of the workers that take part; this process alone is one, too."""
        runner = self._environment.runner
        if not hasattr(runner, "clients"):
            return [runner.client_id]
        return [client.id for client in runner.clients.all if client.state != MISSING_STATE]

    def start(self) -> None:
        """A test starts: prepare a run. When that fails, say why, and end the test with exit code 2."""
        self._environment.process_exit_code = None
        self.problem = ""
        try:
            workers = self.workers
            is_swarm = hasattr(self._environment.runner, "clients")
            settings = self._read_settings(len(workers) if is_swarm else 0)
            self.run = MasterRun(self._environment, settings, workers, self.finish_test)
            self.run.begin(self._roaming)
        except HubbubError as error:
            self.give_up(error)

    def give_up(self, error: HubbubError) -> None:
        """The run cannot be made."""
        self._environment.process_exit_code = 2
        self.run = None
        self.problem = f"hubbub: {error}"
        gevent.spawn(self.finish_test)
        raise gevent.GreenletExit

    def finish_test(self) -> None:
        """Tell Locust that the test is over; its `test_stopping` leads back to `end`."""
        if self._environment.web_ui is None:
            self._environment.runner.quit()
        else:
            self._environment.runner.stop()

    def end(self) -> None:
        """The test is stopping: end the run, and return when its results are written."""
        if self.run is not None:
            self.run.end("the run was interrupted" if self.is_interrupted else "")
            if self.run.exit_code is not None:
                self._environment.process_exit_code = self.run.exit_code

    def interrupt(self) -> None:
        """Ctrl-C: end the run, and judge it on what it has. The second time: do not wait for anything."""
        if self.is_interrupted:
            if self.run is not None:
                self.run.hurry()
            return
        self.is_interrupted = True
        print("hubbub: stopping; once more to stop at once.", flush=True)


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
        self._environment = environment
        self._workers = workers
        self._finish_test = finish_test
        self._reports: dict[str, Report] = {}
        self._lost: list[str] = []
        self._interruption = ""
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
        provisions = self._provision(roaming)
        self.folder = RunFolder(make_folder(settings.run_dir, settings.profile, ROOT), self._environment)
        self.folder.write_json("config.json", settings.to_dict(masked=True))
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
                "provision": provision.to_dict(),
            }
            self._environment.runner.send_message(PREPARE, plan, worker)
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
        provisioner = Provisioner(
            contract, independent_http(settings, settings.host), self.id, configured, gevent.sleep, logger.info
        )
        provisioner.check_backend()
        print(
            f"hubbub: run {self.id} against {settings.host}: {settings.clients} clients on {len(self._workers)} "
            f"worker(s), {settings.conversations} conversation(s), seed {settings.seed}",
            flush=True,
        )
        roamers = self._roamers(roaming)
        return provisioner.make(
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

    def _roamers(self, roaming: set[str]) -> int:
        """How many users at most need an account of their own."""
        classes = self._environment.user_classes
        weights = {user_class.__name__: user_class.weight for user_class in classes}
        share = sum(weight for name, weight in weights.items() if name in roaming) / sum(weights.values())
        return ceil(self.settings.clients * share) + 1 if share else 0

    # -- during ------------------------------------------------------------------------------------------------------

    def take(self, report: Report) -> None:
        """A worker's report. The newest one of a worker counts."""
        known = self._reports.get(report.worker)
        if known is None or report.sequence > known.sequence:
            self._reports[report.worker] = report

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
        print(f"hubbub: {sum(r.ready for r in self._reports.values())} clients are ready; sending {length}", flush=True)

    def _wait(self, is_over: Callable[[], bool]) -> bool:
        """Poll until `is_over`, or until something ends the run early; True in the second case."""
        while not is_over():
            if self._worker_is_lost() or self._worker_has_problem():
                return True
            gevent.sleep(POLL_S)
        return False

    def _all_are_ready(self) -> bool:
        if self._spawned_s is None:
            return False
        if time.monotonic() - self._spawned_s >= self.settings.ready_timeout_us / 1e6:
            return True
        return sum(report.ready for report in self._reports.values()) >= self.settings.clients

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
            report = self._reports.get(worker)
            if worker not in present and worker not in self._lost and not (report and report.is_final):
                self._lost.append(worker)
        return bool(self._lost)

    def _worker_has_problem(self) -> bool:
        return any(report.problem for report in self._reports.values())

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
        if self._window_closed or self._lost or self.settings.duration_us is None:
            return ""
        if self.settings.shape != "none" and self._window_is_over():
            return ""
        return "the run was stopped before its end"

    def _gather(self) -> None:
        """Wait for every worker's final report, as long as it lives and the time is not over."""
        began_s = time.monotonic()
        while True:
            self._worker_is_lost()
            final = {worker for worker, report in self._reports.items() if report.is_final}
            missing = [worker for worker in self._workers if worker not in final and worker not in self._lost]
            limit_s = HURRIED_FLUSH_TIMEOUT_S if self._is_hurried else FLUSH_TIMEOUT_S
            if not missing:
                return
            if time.monotonic() - began_s > limit_s + self.settings.drain_timeout_us / 1e6:
                self._lost += missing
                return
            gevent.sleep(POLL_S)

    def _conclude(self) -> None:
        problem = next((report.problem for report in self._reports.values() if report.problem), "")
        if problem:
            self.exit_code = 2
            self.console = f"hubbub: {problem}"
            self.folder.close_csv()
            return
        outcome = self._outcome()
        summary = build_summary(outcome)
        self.folder.write_json("summary.json", summary)
        self.folder.close_csv()
        self.exit_code = summary["verdict"]["exit_code"]
        self.console = render_console(summary, str(self.folder.path))

    def _outcome(self) -> Outcome:
        now = datetime.now(UTC)
        reports = list(self._reports.values())
        outcome = Outcome(
            run_id=self.id,
            started_at=self._started_at.isoformat(timespec="milliseconds"),
            duration_s=round((now - self._started_at).total_seconds(), 3),
            settings=self.settings,
            users=self.settings.clients,
            workers=len(self._workers) if hasattr(self._environment.runner, "clients") else 0,
            versions=versions(),
            interruption=self._interruption,
            lost_workers=self._lost,
            history_problem=next((report.history_problem for report in reports if report.history_problem), ""),
        )
        for report in reports:
            outcome.counts.add(report.counts)
            outcome.tally.merge(report.tally)
            for name in outcome.timings.__slots__:
                getattr(outcome.timings, name).merge(getattr(report.timings, name))
        return outcome


def check_possible(settings: Settings, host: str) -> None:
    """What can be told before a run begins: raises HubbubError when it cannot be made."""
    Corpus.make(settings.seed, settings.message_size)
    if settings.run_dir:
        make_folder(settings.run_dir, settings.profile, ROOT)
    if host:
        contract = load_contract(settings.contract)
        Provisioner(contract, independent_http(settings, host), "check").check_backend()


def independent_http(settings: Settings, host: str) -> Request:
    """HTTP calls with the requests library, for provisioning: it owes nothing to the hot path's client."""
    session = requests.Session()
    session.headers.update(settings.headers)
    session.trust_env = False
    session.verify = False if settings.insecure else settings.ca or True

    def request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            answer = session.request(
                method,
                host + path,
                headers=dict(headers),
                data=body,
                timeout=settings.connect_timeout_us / 1e6,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ConnectError(type(error).__name__) from error
        return answer.status_code, answer.content

    return request


def spread(total: int, parts: int) -> list[int]:
    """`total` in `parts` whole parts, as equal as can be."""
    return [total // parts + (part < total % parts) for part in range(parts)]
