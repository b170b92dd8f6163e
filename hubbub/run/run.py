"""One run, from its preparation to its judgement. Everything that ends a run leads to `end`.

The run knows its workers by an interface, and who spawns the clients by two calls: that one tells it when all are
`spawned`, and is told by `finish` when they are to stop. Then it must call `end`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from gevent.event import Event

from hubbub.canary.process import Canary, NoCanary, start_canary
from hubbub.client.client import Client
from hubbub.clock import US_PER_SECOND, Task, format_duration
from hubbub.exit_code import ExitCode
from hubbub.options import Settings
from hubbub.profiles import slo_texts
from hubbub.report import RunResult, Watch, build_summary, parse_objectives, render_console
from hubbub.run.aggregator import Aggregator
from hubbub.run.folder import make_folder, versions, write_json
from hubbub.run.journal import Journal
from hubbub.run.messages import DRAIN, GO, PREPARE, Drain, Go, Report
from hubbub.run.output import Output
from hubbub.run.preparation import Preparation
from hubbub.run.roster import Roster
from hubbub.run.terminal import say
from hubbub.run.window import Window
from hubbub.run.workers import Workers
from hubbub.run.world import World
from hubbub.serialization import to_plain

POLL_S = 0.05
"""How late the window may open after the last client is ready."""

BACKLOG_GRACE_S = 1.0
"""What was planned inside the window may leave so long after it."""

FLUSH_TIMEOUT_S = 60.0
"""A worker that was last heard of so long ago, and a drain, is lost: reading a history may take most of that."""

HURRIED_FLUSH_TIMEOUT_S = 10.0
"""After a second Ctrl-C: closing all connections takes up to 3 s."""


class Run:
    """`begin` it, tell it when all clients are `spawned`, `end` it. `exit_code` and `console` are the result.

    `path` is its folder, once it has begun. `kinds` are the kinds of clients that are spawned, with their weights.
    """

    def __init__(
        self,
        settings: Settings,
        kinds: Sequence[type[Client]],
        workers: Workers,
        world: World,
        outputs: Sequence[Output],
        finish: Callable[[], None],
    ) -> None:
        self.id = uuid.uuid4().hex[:8]
        self.settings = settings
        self.exit_code: int | None = None
        self.console = ""
        self._kinds = kinds
        self._roster = Roster(workers)
        self._scheduler = world.scheduler
        self._world = world
        self._outputs = outputs
        self._finish = finish
        self._canary: Canary = NoCanary()
        self._started_at = datetime.now(UTC)
        self._spawned_us: int | None = None
        self._window = Window(settings, world.scheduler.now_us)
        self._conducting: Task | None = None
        self._is_ending = False
        self._is_hurried = False
        self._ended = Event()

    # -- before ------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Make accounts, conversations and the folder, and tell the workers. Raises HubbubError when that fails."""
        settings = self.settings
        preparation = Preparation(self.id, settings, self._roster.names, self._world)
        assignments = preparation.assignments(self._kinds)
        self.path = make_folder(settings.run_dir, settings.profile)
        write_json(self.path / "config.json", settings.masked())
        self._journal = Journal(self.path)
        self._journal.write("begin", run=self.id, workers=self._roster.names, host=settings.host)
        for output in self._outputs:
            output.begin(self.path)
        watch = Watch(parse_objectives(slo_texts(settings.slo)))
        self.aggregator = Aggregator(self._blank(), [self._journal, *self._outputs], watch)
        for assignment in assignments:
            self._roster.send_to(assignment.worker, PREPARE, to_plain(assignment))
        if preparation.canary is not None:
            self._canary = start_canary(preparation.canary)
        self._conducting = self._scheduler.spawn(self._conduct)

    def _blank(self) -> RunResult:
        return RunResult(
            run_id=self.id,
            started_at=self._started_at.isoformat(timespec="milliseconds"),
            duration_s=0.0,
            settings=self.settings,
            users=self.settings.clients,
            workers=len(self._roster.names) if self._roster.is_distributed else 0,
            versions=versions(),
            comes_and_goes=any(kind.comes_and_goes for kind in self._kinds),
        )

    # -- during ------------------------------------------------------------------------------------------------------

    def take(self, report: Report) -> None:
        """A worker's report; those of other runs are ignored."""
        if report.run == self.id:
            self.aggregator.take(report)

    def spawned(self) -> None:
        """All clients are spawned."""
        self._spawned_us = self._spawned_us or self._scheduler.now_us()

    @property
    def elapsed_us(self) -> int:
        """Microseconds since the sending window opened; 0 before."""
        return self._window.elapsed_us

    def _conduct(self) -> None:
        """Wait until all are ready, open the window, and finish when it is over or something ends the run early."""
        if self.settings.shape == "none":
            self._wait(self._all_are_ready)
        self._open_window()
        if not self._wait(lambda: self._window.is_over):
            self._scheduler.sleep(BACKLOG_GRACE_S)
        self._window.is_full = True
        self._scheduler.spawn(self._finish)

    def _open_window(self) -> None:
        self._window.open()
        window_us = self.settings.duration_us
        go = Go(run=self.id, window_us=window_us, start_together=self.settings.shape == "none")
        self._roster.send(GO, to_plain(go))
        length = "until it is stopped" if window_us is None else f"for {format_duration(window_us)}"
        say(f"{self.aggregator.ready} clients are ready; sending {length}")

    def _wait(self, is_over: Callable[[], bool]) -> bool:
        """Poll until `is_over`, or until something ends the run early; True in the second case."""
        while not is_over():
            if self._roster.look(self.aggregator.is_final) or self.aggregator.problem or self._is_aborted():
                return True
            self._scheduler.sleep(POLL_S)
        return False

    def _all_are_ready(self) -> bool:
        if self._spawned_us is None:
            return False
        if self._scheduler.now_us() - self._spawned_us >= self.settings.ready_timeout_us:
            return True
        return self.aggregator.ready >= self.settings.clients and self._canary.is_ready

    def _is_aborted(self) -> bool:
        """Whether an objective that ends the run is broken."""
        return bool(self.aggregator.observe(self.elapsed_us))

    # -- after -------------------------------------------------------------------------------------------------------

    def hurry(self) -> None:
        """Do not wait for the drain."""
        self._is_hurried = True
        if self._is_ending:
            self._drain()

    def _drain(self) -> None:
        self._roster.send(DRAIN, to_plain(Drain(run=self.id, is_hurried=self._is_hurried)))

    def end(self, interruption: str) -> None:
        """Drain, gather the final reports, judge and write. Re-entrant: later callers wait for the first.

        `interruption` says who ended the run, if that was not the run itself.
        """
        if self._is_ending:
            self._ended.wait()
            return
        self._is_ending = True
        try:
            if self._conducting is not None:
                interruption = interruption or self._stopped_early()
                self._conducting.kill(block=False)
                self._drain()
                self._gather()
                self._conclude(interruption)
        finally:
            self._ended.set()

    def _stopped_early(self) -> str:
        """Why a run without an interruption has no full window, or an empty text."""
        if self._roster.lost or self.aggregator.aborted or not self._window.was_cut_short:
            return ""
        return "the run was stopped before its end"

    def _gather(self) -> None:
        """Wait for every worker's final report, as long as it lives and is heard of now and then."""
        heard_us, sequences = self._scheduler.now_us(), 0
        while True:
            self._roster.look(self.aggregator.is_final)
            if not self._is_hurried and self.aggregator.sequences > sequences:  # who reports is not lost, but busy
                heard_us, sequences = self._scheduler.now_us(), self.aggregator.sequences
            missing = self._roster.missing(self.aggregator.is_final)
            limit_s = HURRIED_FLUSH_TIMEOUT_S if self._is_hurried else FLUSH_TIMEOUT_S
            if not missing:
                return
            if self._scheduler.now_us() - heard_us > limit_s * US_PER_SECOND + self.settings.drain_timeout_us:
                self._roster.lost += missing
                return
            self._scheduler.sleep(POLL_S)

    def _conclude(self, interruption: str) -> None:
        self.aggregator.close()
        duration_s = round((datetime.now(UTC) - self._started_at).total_seconds(), 3)
        canary, canary_problem = self._canary.finish()
        if self.aggregator.problem:
            self.exit_code = ExitCode.IMPOSSIBLE
            self.console = f"hubbub: {self.aggregator.problem}"
            self._close()
            return
        result = self.aggregator.run_result()
        result.duration_s = duration_s
        result.interruption, result.aborted = interruption, self.aggregator.aborted
        result.lost_workers = self._roster.lost
        if self._canary.is_asked_for and not self.aggregator.has_clock_of(self._world.clock_domain):
            canary, canary_problem = None, "a worker runs on another machine, whose clock it does not share"
        result.canary, result.canary_problem = canary, canary_problem
        self.aggregator.watch.observe(self.elapsed_us, result)
        summary = build_summary(result, self.aggregator.watch.results(result))
        write_json(self.path / "summary.json", summary)
        self._journal.write("end", verdict=summary["verdict"])
        self._close()
        self.exit_code = summary["verdict"]["exit_code"]
        self.console = render_console(summary, str(self.path))

    def _close(self) -> None:
        self._journal.close()
        for output in self._outputs:
            output.end()
