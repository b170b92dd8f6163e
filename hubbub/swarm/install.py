"""How a locustfile becomes a Hubbub run: the listeners on Locust's events."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import gevent
from gevent.event import Event
from locust import events
from locust.runners import MasterRunner, WorkerRunner

from hubbub.config import Settings
from hubbub.errors import ConfigError, HubbubError
from hubbub.exit_code import ExitCode
from hubbub.pacing.curve import Curve
from hubbub.swarm import options, parent
from hubbub.swarm.conductor import Conductor, check_possible
from hubbub.swarm.crew import Crew
from hubbub.swarm.embedded import EmbeddedBackend
from hubbub.swarm.files import check_open_files
from hubbub.swarm.locust_flags import check_flags, keep_quiet_about_run_time
from hubbub.swarm.shape import CurveShape
from hubbub.swarm.terminal import say, show
from hubbub.swarm.web import guard_form

logger = logging.getLogger(__name__)

Shapes = Mapping[str, Callable[[int, int], Curve]]
NO_AUTOQUIT = -1
"""Locust's default."""

MOST_CONNECTIONS = 100_000
"""What the embedded backend takes in all; one account's limit is the one that is tested."""


def install(shapes: Shapes) -> None:
    """Make this Locust process a Hubbub run. Call it once, from the locustfile."""
    events.init_command_line_parser.add_listener(lambda parser, **_: options.register(parser, shapes))
    installation = Installation(shapes)
    events.init.add_listener(installation.on_init)


class Installation:
    """Ties the parts to one Locust environment. `Local`, `Master` and `Worker` are Locust's three kinds of process."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._environment: Any = None
        self._conductor: Conductor | None = None
        self._crew: Crew | None = None
        self._backend: EmbeddedBackend | None = None
        self._is_over = False

    def on_init(self, environment: Any, runner: Any, web_ui: Any, **_kwargs: Any) -> None:
        """Listener of init: everything that needs to know what kind of process this is."""
        parent.die_with_launcher()
        self._environment = environment
        environment.hubbub_crew = None
        if not isinstance(runner, MasterRunner):
            self._crew = environment.hubbub_crew = Crew(environment)
        if isinstance(runner, WorkerRunner):
            environment.events.quitting.add_listener(self._on_worker_quitting)
        else:
            try:
                self._conduct(environment, web_ui)
            except HubbubError as error:
                options.fail(error)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def _conduct(self, environment: Any, web_ui: Any) -> None:
        """This process conducts runs: check the options now, start the embedded backend, listen to the runner."""
        parsed = environment.parsed_options
        check_flags(environment)
        keep_quiet_about_run_time()
        options.take_over_run_time(parsed)
        options.let_profile_beat_config_file(parsed)
        self.prepare()
        if not environment.host:
            self._start_backend()
        roaming = {name for name, user in environment.available_user_classes.items() if user.has_own_account}
        self._conductor = Conductor(environment, self._read_settings, roaming)
        hooks = environment.events
        hooks.test_start.add_listener(lambda **_: self._start())
        hooks.spawning_complete.add_listener(self._on_spawned)
        hooks.test_stopping.add_listener(lambda **_: self._end())
        hooks.quitting.add_listener(self._on_quitting)
        hooks.quit.add_listener(self._on_quit)
        gevent.signal_handler(signal.SIGINT, self._on_interrupt)
        if web_ui is not None:
            guard_form(web_ui, parsed, self.prepare)

    def _read_settings(self, workers: int) -> Settings:
        parsed = self._environment.parsed_options
        parsed.host = self._environment.host
        settings = options.settings_of(parsed, workers, self._shapes)
        running = {user_class.__name__: float(user_class.weight) for user_class in self._environment.user_classes}
        return replace(settings, mix=running)  # positional classes and the class picker may have chosen others

    def prepare(self) -> None:
        """Check the options, and set up mix and shape from them. Raises ConfigError."""
        environment = self._environment
        workers = self._workers_expected()
        settings = options.settings_of(environment.parsed_options, workers, self._shapes)
        check_possible(settings, environment.host or "")
        if not workers:
            check_open_files(settings.clients)
        if not environment.parsed_options.user_classes and not environment.parsed_options.class_picker:
            self._mix(settings.mix)
        environment.shape_class = self._shape(settings)
        if environment.shape_class is not None:
            environment.shape_class.runner = environment.runner

    def _workers_expected(self) -> int:
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner):
            return 0
        return int(runner.worker_count or self._environment.parsed_options.expect_workers or 1)

    def _mix(self, mix: Mapping[str, float]) -> None:
        """Make the user classes of the mix, with its weights, those that Locust spawns."""
        environment = self._environment
        available = environment.available_user_classes
        unknown = sorted(set(mix) - set(available))
        if unknown:
            raise ConfigError(f"mix: there is no user class {unknown[0]!r}; there are {', '.join(sorted(available))}.")
        for name, weight in mix.items():
            available[name].weight = weight
        environment.user_classes[:] = [available[name] for name in mix]

    def _shape(self, settings: Settings) -> CurveShape | None:
        if settings.shape == "none" or settings.duration_us is None:
            return None
        if settings.shape not in self._shapes:
            known = ", ".join(["none", *sorted(self._shapes)])
            raise ConfigError(f"shape must be one of {known}, not {settings.shape!r}.")
        curve = self._shapes[settings.shape](settings.clients, settings.duration_us)
        curve.check(settings.spawn_rate)
        say("\n  ".join([f"shape {curve.name}", *curve.schedule()]))
        return CurveShape(curve, settings.spawn_rate, self._elapsed_us)

    def _elapsed_us(self) -> int:
        run = self._conductor.run if self._conductor is not None else None
        return run.elapsed_us if run is not None else 0

    def _start_backend(self) -> None:
        environment = self._environment
        cap = int(environment.parsed_options.max_conns_per_user)
        self._backend = EmbeddedBackend(cap, MOST_CONNECTIONS)
        environment.host = environment.parsed_options.host = self._backend.origin
        environment.parsed_options.backend_pid = str(self._backend.pid)
        say(f"no host given; the embedded backend runs on {self._backend.origin}")

    # -- a run -------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        assert self._conductor is not None
        self._conductor.start()

    def _on_spawned(self, user_count: int, **_kwargs: Any) -> None:
        if self._conductor is not None and self._conductor.run is not None:
            self._conductor.run.spawned()

    def _end(self) -> None:
        assert self._conductor is not None
        self._conductor.end()
        if self._environment.web_ui is not None:
            run = self._conductor.run
            self._show(run.console if run is not None else self._conductor.problem)
            self._quit_by_itself()

    def _show(self, report: str) -> None:
        show(report, is_output_taken=bool(self._environment.parsed_options.json))

    def _quit_by_itself(self) -> None:
        """--autoquit: end the process so many seconds after the run; the exit code is the verdict's."""
        seconds = self._environment.parsed_options.autoquit
        if seconds != NO_AUTOQUIT:
            gevent.spawn_later(seconds, self._leave_main)

    # -- the end of the process --------------------------------------------------------------------------------------

    def _on_interrupt(self) -> None:
        """Ctrl-C. Runs in a greenlet of its own, so it may block."""
        assert self._conductor is not None
        is_first = not self._conductor.is_interrupted
        self._conductor.interrupt()
        if is_first:
            self._leave_main()

    def _leave_main(self) -> None:
        """End the run if there is one, and let Locust's main greenlet come to its end."""
        environment, conductor = self._environment, self._conductor
        assert conductor is not None
        if conductor.run is None:
            self._stop_backend()
            code = environment.process_exit_code
            if code is None:
                code = ExitCode.PASS if environment.web_ui else ExitCode.IMPOSSIBLE
            gevent.kill(gevent.get_hub().parent, SystemExit(code))
            return
        environment.runner.quit()
        if environment.web_ui is not None:
            environment.web_ui.stop()

    def _on_quitting(self, **_kwargs: Any) -> None:
        """Locust is shutting down. Ours comes first, with users still running: end the run before anything else.

        A SIGTERM brings us here in a greenlet of its own. Ending the run wakes the main greenlet, which comes here as
        well and goes on from here; this greenlet must not shut the process down a second time.
        """
        assert self._conductor is not None
        run = self._conductor.run
        is_main = gevent.getcurrent() is gevent.get_hub().parent
        if run is not None and run.exit_code is None:
            self._conductor.is_interrupted = True
            self._leave_main()
            if not is_main:
                Event().wait()
        if self._environment.process_exit_code is None:
            is_web = self._environment.web_ui is not None
            self._environment.process_exit_code = ExitCode.PASS if is_web else ExitCode.IMPOSSIBLE

    def _on_quit(self, **_kwargs: Any) -> None:
        """The last thing printed is the report."""
        self._stop_backend()
        if self._conductor is not None and self._environment.web_ui is None and not self._is_over:
            self._is_over = True
            run = self._conductor.run
            self._show(f"\n{run.console if run is not None else self._conductor.problem}")
        sys.stdout.flush()

    def _stop_backend(self) -> None:
        if self._backend is not None:
            self._backend.stop()
            self._backend = None

    def _on_worker_quitting(self, **_kwargs: Any) -> None:
        """A worker's process is told to stop by its user: send the final report first."""
        if self._crew is not None:
            self._crew.end()
