"""One run: the only owner of its states (states.py) and of their deadlines. Everything that ends it goes through judge.

The run knows its workers and who spawns the clients by interfaces.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event as Signal

from hubbub.canary.process import Canary, NoCanary, start_canary
from hubbub.client.client import Client
from hubbub.clock import US_PER_SECOND, format_duration
from hubbub.errors import RunError, described
from hubbub.exit_code import ExitCode
from hubbub.options import Settings
from hubbub.report import RunResult, build_summary, render_console
from hubbub.run.aggregator import Aggregator
from hubbub.run.checkpoint import Checkpoint
from hubbub.run.deadlines import BACKLOG_GRACE_S, HURRIED_S, deadline_s, total_s, what_is_late
from hubbub.run.folder import make_folder, versions, write_json
from hubbub.run.journal import Journal
from hubbub.run.live import Live
from hubbub.run.messages import DRAIN, EXTEND, GO, Drain, Go, is_of_another_run
from hubbub.run.objectives import watch_of
from hubbub.run.output import GuardedOutput, Output
from hubbub.run.preparation import Preparation, share_of
from hubbub.run.results import write_results
from hubbub.run.roster import Roster
from hubbub.run.states import Event, Machine, State
from hubbub.run.steps import told_if_slow
from hubbub.run.terminal import TERMINAL, say
from hubbub.run.window import Window
from hubbub.run.workers import Spawner, Workers
from hubbub.run.world import World
from hubbub.serialization import to_plain

POLL_S = 0.05
"""How late the window may open after the last client is ready."""

logger = logging.getLogger(__name__)


class Run:
    """`begin` it, tell it when all clients are `spawned`; it ends by itself, or by `stop`.

    `exit_code` and `console` are the result. `path` is its folder, once it has one. `kinds` are the kinds of clients
    that are spawned, with their weights.
    """

    def __init__(
        self,
        settings: Settings,
        kinds: Sequence[type[Client]],
        workers: Workers,
        world: World,
        outputs: Sequence[Output],
        spawner: Spawner,
    ) -> None:
        self.id = uuid.uuid4().hex[:8]
        self.settings = settings
        self.exit_code: int | None = None
        self.console = ""
        self._kinds = kinds
        self._roster = Roster(workers)
        self._scheduler = world.scheduler
        self._world = world
        self._outputs = [GuardedOutput(output) for output in outputs]
        self._spawner = spawner
        self._live = Live(world.scheduler, TERMINAL, settings.quiet)
        self._asked = 0
        self._heard_us: dict[str, int] = {}  # when each worker was heard of last, in microseconds of the window
        self._canary: Canary = NoCanary()
        self._canary_saw: tuple[dict[str, Any] | None, str] = None, "it was not heard in time"
        self._started_at = datetime.now(UTC)
        self._spawned_us: int | None = None
        self._window = Window(settings, world.scheduler.now_us)
        self._machine = Machine(lambda state: self._left[state].set())
        self._left = {state: Signal() for state in State}
        self.path: Path | None = None
        self._journal: Journal | None = None
        self._checkpoint: Checkpoint | None = None
        self._aggregator: Aggregator | None = None
        self._interruption = ""
        self._problem = ""
        """Why the run cannot be made or go on, as a sentence."""
        self._is_hurried = False

    # -- what others may do --------------------------------------------------------------------------------------------

    def begin(self) -> bool:
        """Prepare the run, and go on in the background; returns whether clients may be spawned."""
        longest_s = total_s(self.settings)
        latest = datetime.now(UTC) + timedelta(seconds=longest_s or 0)
        say(f"this run ends {f'by {latest:%H:%M:%S} UTC at the latest' if longest_s else 'when it is stopped'}")
        self._scheduler.spawn(self._conduct)
        try:
            self._left[State.PREPARE].wait()
        except BaseException:  # who waited here was told to stop
            self.stop("the run was stopped before it began")
            raise
        return self._machine.state is State.SPAWN

    def spawned(self) -> None:
        """All clients are spawned."""
        self._spawned_us = self._spawned_us or self._scheduler.now_us()

    def take(self, values: Any) -> None:
        """A report, as plain values: of one of the workers of this run, or of anyone who can reach the master."""
        if self._aggregator is not None and not is_of_another_run(values, self.id):
            report = self._roster.read(values)
            if report is not None:
                self._heard_us[report.worker] = self.elapsed_us
                self._aggregator.take(report)

    def stop(self, interruption: str = "") -> None:
        """End the run early, and judge it on what it has. `interruption` says who does, if it is a person."""
        if self._machine.state not in (State.JUDGE, State.OVER):
            self._interruption = self._interruption or interruption
        if self._machine.state is State.DRAIN and interruption:
            self._roster.send(DRAIN, to_plain(Drain(run=self.id, is_hurried=False, is_impatient=True)))
        self._machine.post(Event.STOP)

    def resize(self, clients: int) -> None:
        """Another number of clients will be asked for: make the accounts that are missing. Raises HubbubError."""
        if self._machine.state not in (State.SPAWN, State.SEND):
            raise RunError("the number of users can be changed while they start or chat, and not now.")
        most = ceil(clients / len(self._roster.names))
        if not self._roster.is_distributed:
            self._world.check_room_for(most, self.settings)
        for worker, extension in self._preparation.extend(self._kinds, clients).items():
            self._roster.send_to(worker, EXTEND, to_plain(extension))
        if self._machine.state not in (State.SPAWN, State.SEND):
            raise RunError("the run ended meanwhile.")
        self._note_asked(clients)  # it may change again before anybody looks

    def hurry(self) -> None:
        """End the run, and do not wait for what is on its way."""
        self._is_hurried = True
        self._machine.post(Event.HURRY)
        if self._machine.state is State.DRAIN:
            self._hurry_drain()

    def end(self, interruption: str = "") -> None:
        """Stop the run, and return when it is over."""
        self.stop(interruption)
        self._left[State.JUDGE].wait()

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens; `exit_code` is there then."""
        return self._machine.state is State.OVER

    @property
    def elapsed_us(self) -> int:
        """Microseconds since the sending window opened; 0 before."""
        return self._window.elapsed_us

    # -- from state to state -----------------------------------------------------------------------------------------

    def _conduct(self) -> None:
        """Go from state to state: each ends when its work is done, something happens, or its time is over."""
        work = {
            State.PREPARE: self._prepare,
            State.SPAWN: self._wait_for_clients,
            State.SEND: self._send,
            State.DRAIN: self._drain,
            State.JUDGE: self._judge,
        }
        while not self.is_over:
            state = self._machine.state
            self._spawner.promise(total_s(self.settings, state), self.path)
            task = self._scheduler.spawn(self._do, state, work[state])
            if not self._scheduler.wait(self._left[state], deadline_s(state, self.settings)):
                self._problem = what_is_late(state, self.settings) or self._problem
                self._machine.post(Event.DEADLINE, state)
            task.kill(block=False)
        try:
            self._conclude()
        finally:
            self._spawner.finish(self.id)

    def _do(self, state: State, work: Callable[[], None]) -> None:
        """The work of one state, whatever it raises."""
        try:
            work()
        except gevent.GreenletExit:
            return  # the state was left meanwhile
        except BaseException as error:
            logger.debug("the work of the state %s failed", state.value, exc_info=True)
            self._problem = self._problem or described(error)
            self._machine.post(Event.FAILED, state)
        else:
            self._machine.post(Event.DONE, state)

    # -- before ------------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Make accounts, conversations and the folder, and tell the workers."""
        settings = self.settings
        preparation = self._preparation = Preparation(self.id, settings, self._roster.names, self._world)
        assignments = preparation.assignments(self._kinds)
        preparation.preflight(assignments)
        path = make_folder(settings.run_dir, settings.profile)
        write_json(path / "config.json", settings.masked())
        blank = self._blank()
        self._journal = Journal(path)
        self._journal.begin(blank, self._roster.names)
        self.path = path
        self._checkpoint = Checkpoint(path)
        for output in self._outputs:
            output.begin(path)
        watch = watch_of(settings, blank.chatting_share)
        self._aggregator = Aggregator(blank, [self._journal, self._checkpoint, *self._outputs], watch)
        for assignment in assignments:
            self._roster.prepare(assignment)
        if preparation.canary is not None:
            self._canary = start_canary(preparation.canary)

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
            chatting_share=share_of(self._kinds, lambda kind: kind.has_plan),
            accounts=self._preparation.accounts if self._preparation is not None else {},
        )

    @property
    def aggregator(self) -> Aggregator:
        """What the workers reported; there is one once the run is prepared."""
        assert self._aggregator is not None
        return self._aggregator

    # -- during ------------------------------------------------------------------------------------------------------

    def _wait_for_clients(self) -> None:
        """Wait until all clients are ready, or those that can be."""
        if self.settings.shape == "none":
            with told_if_slow(self._scheduler, lambda: f"clients start: {self._ready_of_asked} are ready"):
                self._wait(self._all_are_ready)

    def _send(self) -> None:
        """Open the window, and wait until it is over and what was planned in it had its time."""
        self._window.open()
        window_us = self.settings.duration_us
        go = Go(run=self.id, window_us=window_us, start_together=self.settings.shape == "none")
        self._roster.send(GO, to_plain(go))
        length = "until it is stopped" if window_us is None else f"for {format_duration(window_us)}"
        self._look_at_asked()
        say(f"{self._ready_of_asked} clients are ready; sending {length}")
        self._wait(lambda: self._window.is_over)
        self._scheduler.sleep(BACKLOG_GRACE_S)

    @property
    def _ready_of_asked(self) -> str:
        return f"{self.aggregator.ready} of {self._asked or self.settings.clients}"

    def _wait(self, is_over: Callable[[], bool]) -> None:
        """Poll until `is_over`; stops the run where going on is useless."""
        while not is_over():
            self._look_at_workers()
            self._look_at_asked()
            self._live.look(self._machine.state.value, self.aggregator.run_result)
            is_useless = self._roster.all_are_lost or self.aggregator.problem
            if is_useless or self.aggregator.observe(self.elapsed_us):
                self._machine.post(Event.STOP)
            self._scheduler.sleep(POLL_S)

    def _look_at_asked(self) -> None:
        self._note_asked(self._spawner.asked())

    def _note_asked(self, asked: int) -> None:
        """Note how many clients are asked for, and when that changes."""
        if asked != self._asked:
            self._asked = asked
            self.aggregator.asked = max(asked, self.aggregator.asked)
            self.journal.write("asked", clients=asked, second=self.elapsed_us // US_PER_SECOND)

    def _look_at_workers(self) -> None:
        for worker in self._roster.look(self.aggregator.has_ended):
            at_us = self._heard_us.get(worker, 0)
            when = f"in second {at_us // US_PER_SECOND + 1}" if at_us else "before the window opened"
            self._roster.lost[worker] = when
            self.journal.write("worker lost", worker=worker, when=when)
            say(f"worker {worker} was lost {when}; the others go on")

    @property
    def journal(self) -> Journal:
        """Where everything is written as it happens; there is one once the run is prepared."""
        assert self._journal is not None
        return self._journal

    def _all_are_ready(self) -> bool:
        if self._spawned_us is None:
            return False
        if self._scheduler.now_us() - self._spawned_us >= self.settings.ready_timeout_us:
            return True
        possible = self.settings.clients * len(self._roster.present) // len(self._roster.names)
        return self.aggregator.ready >= possible and self._canary.is_ready

    # -- after -------------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Stop sending, and wait for every worker's final report, and for the canary's."""
        self._window.close()
        self._roster.send(DRAIN, to_plain(Drain(run=self.id, is_hurried=self._is_hurried)))
        if self._is_hurried:
            self._hurry_drain()
        while self._roster.missing(self.aggregator.has_ended):
            self._look_at_workers()
            self._live.look(self._machine.state.value, self.aggregator.run_result)
            self._scheduler.sleep(POLL_S)
        self._canary_saw = self._canary.finish()

    def _hurry_drain(self) -> None:
        self._roster.send(DRAIN, to_plain(Drain(run=self.id, is_hurried=True)))
        self._scheduler.call_later(HURRIED_S, lambda: self._machine.post(Event.DEADLINE, State.DRAIN))

    def _judge(self) -> None:
        """Find the verdict and write it. Without a measurement there is none, but a sentence."""
        if self._aggregator is None or self.aggregator.problem or not self.aggregator.reports:
            return
        for worker in self._roster.missing(self.aggregator.has_ended):
            self._roster.lost[worker] = "at the end: it sent no final report"
        self.aggregator.close()
        result = self._result()
        self.aggregator.watch.observe(self.elapsed_us, result)
        self.journal.write("end", verdict=self._summary(result)["verdict"])
        self._close()
        assert self.path is not None and self._checkpoint is not None
        problems = [self.journal.problem, self._checkpoint.problem, *(output.problem for output in self._outputs)]
        result.output_problem = next(filter(None, problems), "")
        summary = write_results(result, self._summary, self.path, self._checkpoint.remove)
        self.exit_code = summary["verdict"]["exit_code"]
        self.console = render_console(summary, str(self.path))

    def _summary(self, result: RunResult) -> dict[str, Any]:
        return build_summary(result, self.aggregator.watch.results(result))

    def _result(self) -> RunResult:
        result = self.aggregator.run_result(self._roster.lost, self._window.length_us)
        result.duration_s = round((datetime.now(UTC) - self._started_at).total_seconds(), 3)
        result.interruption, result.aborted = self._interruption or self._cut_short(), self.aggregator.aborted
        result.lost_workers = dict(self._roster.lost)
        result.rejected_reports = dict(self._roster.rejected)
        if self._canary.is_asked_for:
            result.canary, result.canary_problem = self._canary_saw
            if not self.aggregator.has_clock_of(self._world.clock_domain):
                result.canary = None
                result.canary_problem = "a worker runs on another machine, whose clock it does not share"
        return result

    def _cut_short(self) -> str:
        """Why a run that no person interrupted has no full window; an empty text if it has one."""
        if self._problem:
            return f"the run failed: {self._problem}"
        if self._roster.lost or self.aggregator.aborted or not self._window.was_cut_short:
            return ""
        return "the run was stopped before its end"

    def _conclude(self) -> None:
        """Whatever became of the run, there is an exit code, and something to read."""
        if self.exit_code is None:
            self._close()
            measured_nothing = self._aggregator is None or self.aggregator.problem or not self.aggregator.reports
            self.exit_code = ExitCode.IMPOSSIBLE if measured_nothing else ExitCode.INCONCLUSIVE
            self.console = f"hubbub: {self._why_not()}"

    def _why_not(self) -> str:
        reported = self._aggregator.problem if self._aggregator is not None else ""
        lost = f"all {len(self._roster.lost)} workers were lost" if self._roster.lost else ""
        ended = self._interruption or lost or "the run was stopped before it began"
        return self._problem or reported or f"{ended}; nothing was measured."

    def _close(self) -> None:
        self._canary.kill()
        if self._journal is not None:
            self._journal.close()
            for output in self._outputs:
                output.end()
