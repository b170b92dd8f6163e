"""One run after another, as Locust starts and stops tests, and the end of the process.

The order of Locust's hooks decides where things are done. Headless, a run's end is `quitting` (users still run; the
exit code is read right after it), then `test_stopping`, then Locust's tables, then `quit`. `stop` changes the runner's
state only after its listeners have run, so they are called again while the first call waits. So a run is ended in
`test_stopping`, by its first caller, and the report, which must be read last, is printed in `quit`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from hubbub.bridge.locust_stats import LocustStats
from hubbub.bridge.parent import Launcher, leave_quietly
from hubbub.errors import HubbubError
from hubbub.exit_code import ExitCode
from hubbub.options import Settings
from hubbub.run.embedded import EmbeddedBackend
from hubbub.run.run import Run
from hubbub.run.terminal import say, show
from hubbub.run.workers import Workers
from hubbub.run.world import World

NO_AUTOQUIT = -1
"""Locust's default."""

QUIT_TIMEOUT_S = 8.0
"""Locust stops its users one by one; after so long the process ends without it."""


class Runs:
    """Owns the present run. `settings` makes those of a run that starts now, with so many worker processes."""

    def __init__(
        self,
        environment: Any,
        workers: Workers,
        world: World,
        settings: Callable[[int], Settings],
        backend: EmbeddedBackend | None,
    ) -> None:
        self._environment = environment
        self._workers = workers
        self._world = world
        self._settings = settings
        self._backend = backend
        self._run: Run | None = None
        self._launcher = Launcher()
        self._problem = ""
        self._is_interrupted = False
        self._is_shown = False
        self._is_stopping = False
        self._stopped = Event()
        """Whether Locust is about to stop the test, and whether it has."""

    def listen(self) -> None:
        """From now on Locust's events drive runs."""
        hooks = self._environment.events
        hooks.test_start.add_listener(lambda **_: self._start())
        hooks.spawning_complete.add_listener(lambda **_: self._run.spawned() if self._run is not None else None)
        hooks.test_stopping.add_listener(lambda **_: self._end())
        hooks.test_stop.add_listener(lambda **_: self._stopped.set())
        hooks.quitting.add_listener(lambda **_: self._on_quitting())
        hooks.quit.add_listener(lambda **_: self._on_quit())
        gevent.signal_handler(signal.SIGINT, self._on_interrupt)

    def take(self, values: Any) -> None:
        """A worker's report, as plain values."""
        if self._run is not None:
            self._run.take(values)

    @property
    def elapsed_us(self) -> int:
        """Microseconds since the present run's sending window opened; 0 before."""
        return self._run.elapsed_us if self._run is not None else 0

    @property
    def is_running(self) -> bool:
        """Whether there is a run that is not over."""
        return self._run is not None and not self._run.is_over

    def resize(self, clients: int) -> None:
        """The run is to have another number of clients. Raises HubbubError where it cannot have them."""
        if self._run is not None:
            self._run.resize(clients)

    def promise(self, seconds: float | None, folder: Path | None) -> None:
        """By when the run is over."""
        self._launcher.tell(seconds, folder, None)

    def asked(self) -> int:
        """How many clients Locust is to have now."""
        return int(self._environment.runner.target_user_count)

    @property
    def _has_web_ui(self) -> bool:
        return self._environment.web_ui is not None

    @property
    def _interruption(self) -> str:
        return "the run was interrupted" if self._is_interrupted else ""

    def _start(self) -> None:
        """A test starts: prepare a run. Locust spawns clients when this returns, so it raises where there are none."""
        environment, workers = self._environment, self._workers
        if self.is_running and self._run is not None:
            self._run.end()
        environment.process_exit_code = self._run = None
        self._is_stopping = self._is_shown = False
        self._stopped.clear()
        self._problem = ""
        try:
            settings = self._settings(len(workers.present()) if workers.is_distributed else 0)
            outputs = [LocustStats(environment)]
            self._run = Run(settings, environment.user_classes, workers, self._world, outputs, self)
        except HubbubError as error:
            self._problem = f"hubbub: {error}"
            gevent.spawn(self.finish)
            raise gevent.GreenletExit from error
        if not self._run.begin():
            raise gevent.GreenletExit  # it is over already

    # -- the end of a test -------------------------------------------------------------------------------------------

    def finish(self, run_id: str = "") -> None:
        """The run is over: see that Locust's test is, too. Locust may be stopping it already, and wait for the run.

        Another run may have begun meanwhile: then there is nothing to stop.
        """
        if run_id and (self._run is None or self._run.id != run_id):
            return
        if self._has_web_ui:
            self._launcher.tell(None, None, self._code)
            if not self._is_stopping:
                self._environment.runner.stop()
            return
        self._launcher.tell(2 * QUIT_TIMEOUT_S, None, self._code)
        self._world.scheduler.call_later(QUIT_TIMEOUT_S, lambda: gevent.spawn(self._leave_at_once))
        if self._is_stopping:
            self._stopped.wait()
        self._environment.runner.quit()

    def _end(self) -> None:
        """The test is stopping: end the run, and return when its results are written."""
        self._is_stopping = True
        if self._run is not None:
            self._run.end(self._interruption)
        self._environment.process_exit_code = self._code
        if self._has_web_ui:
            self._show()
            self._quit_by_itself()

    @property
    def _code(self) -> int:
        """The exit code of the newest run. A web UI that was closed without one is no failure."""
        if self._run is not None:
            return ExitCode.IMPOSSIBLE if self._run.exit_code is None else self._run.exit_code
        return ExitCode.PASS if self._has_web_ui and not self._problem else ExitCode.IMPOSSIBLE

    def _show(self, before: str = "") -> None:
        """The report, once for each run."""
        if not self._is_shown:
            self._is_shown = True
            report = self._run.console if self._run is not None else self._problem
            show(before + report, is_output_taken=bool(self._environment.parsed_options.json))

    def _quit_by_itself(self) -> None:
        """--autoquit: end the process so many seconds after the run; the exit code is the verdict's."""
        seconds = self._environment.parsed_options.autoquit
        if seconds != NO_AUTOQUIT:
            gevent.spawn_later(seconds, self._leave)

    # -- the end of the process --------------------------------------------------------------------------------------

    def _on_interrupt(self) -> None:
        """Ctrl-C: end the run, and judge it on what it has. The second time: do not wait for anything.

        Runs in a greenlet of its own, so it may block.
        """
        if not self._is_interrupted:
            self._is_interrupted = True
            say("stopping; press Ctrl-C again to stop immediately.")
            self._leave()
            return
        if self._run is not None:
            self._run.hurry()
            self._run.end()
        self._leave_at_once()

    def _leave(self) -> None:
        """End the run if there is one, and let Locust's main greenlet come to its end."""
        if self._run is not None:
            self._run.end(self._interruption)  # headless, it then quits Locust
        if self._has_web_ui:
            self._environment.web_ui.stop()
        elif self._run is None:
            self._stop_backend()
            gevent.kill(gevent.get_hub().parent, SystemExit(self._code))

    def give_up(self, why: str) -> None:
        """There can be no run: say why, let the workers go, and end the process."""
        self._problem = f"hubbub: {why}"
        self._environment.runner.quit()
        self._leave_at_once()

    def _leave_at_once(self) -> None:
        """Show the report, and end the process without waiting for anything that Locust still does."""
        self._on_quit()
        sys.stderr.flush()
        os._exit(self._code)

    def _on_quitting(self) -> None:
        """Locust is shutting down. Ours comes first, with users still running: end the run before anything else.

        A SIGTERM brings us here in a greenlet of its own. Ending the run wakes the main greenlet, which comes here as
        well and goes on from here; this greenlet must not shut the process down a second time.
        """
        is_main = gevent.getcurrent() is gevent.get_hub().parent
        if self._run is not None and not self._run.is_over:
            self._is_interrupted = True
            self._leave()
            if not is_main:
                Event().wait()
        self._environment.process_exit_code = self._code

    def _on_quit(self) -> None:
        """The last thing printed is the report."""
        leave_quietly()
        self._stop_backend()
        if not self._has_web_ui:
            self._show("\n")
        sys.stdout.flush()

    def _stop_backend(self) -> None:
        if self._backend is not None:
            self._backend.stop()
            self._backend = None
