"""How a locustfile becomes a Hubbub run: what kind of process this is, and how its options set a test up."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import gevent
from locust import events
from locust.runners import MasterRunner, WorkerRunner

from hubbub.bridge import options, parent
from hubbub.bridge.flags import check_flags, keep_quiet_about_run_time
from hubbub.bridge.locust_stats import hide_tables
from hubbub.bridge.runs import Runs
from hubbub.bridge.shape import CurveShape, curve_of, load_shape
from hubbub.bridge.web import guard_form
from hubbub.bridge.workers import DistributedWorkers, await_workers, connected_inbox, hold_distribution, phase_rows
from hubbub.errors import ConfigError, HubbubError
from hubbub.exit_code import ExitCode
from hubbub.options import OPTION, Settings
from hubbub.pacing.curve import Curve
from hubbub.run.embedded import EmbeddedBackend
from hubbub.run.inbox import Inbox
from hubbub.run.messages import REPORT
from hubbub.run.preparation import check_possible
from hubbub.run.steps import told_if_slow
from hubbub.run.terminal import say
from hubbub.run.workers import LocalWorkers, Workers
from hubbub.run.world import RealWorld
from hubbub.spelling import did_you_mean
from hubbub.suite import SUITE

Shapes = Mapping[str, Callable[[int, int], Curve]]
LOCAL_WORKER = "local"
MAX_CONNECTIONS = 100_000
"""What the embedded backend takes in all; one account's limit is the one that is tested."""


def install(shapes: Shapes | None = None) -> None:
    """Make this Locust process a Hubbub run. Call it once, from the locustfile.

    `shapes` are load shapes that `--shape` can name besides `none`: functions of a peak number of clients and a
    duration in microseconds, each of which returns a `Curve`.
    """
    known = dict(shapes or {})
    events.init_command_line_parser.add_listener(lambda parser, **_: options.register(parser, known))
    events.init.add_listener(lambda environment, **_: Installation(known, environment).set_up())


A_ROUND_S = 0.001
"""In which the event loop looks for signals."""


@contextmanager
def may_be_interrupted() -> Iterator[None]:
    """A backend may take its time to answer. Else a Ctrl-C waits until there is a run, or none can be made."""
    handler = gevent.signal_handler(signal.SIGINT, stop_before_a_run)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield
        gevent.sleep(A_ROUND_S)  # one that came already is heard now
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        handler.cancel()


def stop_before_a_run() -> None:
    """Ctrl-C while the options are checked: leave from wherever the main greenlet waits."""
    say("stopped before a run began; nothing was measured.")
    gevent.kill(gevent.get_hub().parent, SystemExit(int(ExitCode.IMPOSSIBLE)))


class Installation:
    """One Locust process: alone, a master, or a worker. Only the first two own runs."""

    def __init__(self, shapes: Shapes, environment: Any) -> None:
        self._shapes = shapes
        self._environment = environment
        self._world = RealWorld()
        self._runs: Runs

    def set_up(self) -> None:
        """Set everything up that needs to know what kind of process this is."""
        parent.die_with_launcher()
        options.give_home_back()
        environment, runner = self._environment, self._environment.runner
        environment.hubbub_inbox = None
        if isinstance(runner, WorkerRunner):
            environment.hubbub_inbox = inbox = connected_inbox(environment, self._world)
            environment.events.quitting.add_listener(lambda **_: inbox.end())
            environment.events.quit.add_listener(lambda **_: parent.leave_quietly())
        else:
            try:
                self._own_runs()
            except HubbubError as error:
                options.fail(error)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def _own_runs(self) -> None:
        """Check the options now, start the embedded backend, listen to the runner."""
        environment = self._environment
        check_flags(environment)
        keep_quiet_about_run_time()
        options.take_over(environment.parsed_options)
        environment.host = environment.parsed_options.host
        with may_be_interrupted():
            self.prepare()
        backend = self._start_backend() if not environment.host else None
        self._runs = Runs(environment, self._connect_workers(), self._world, self.settings, backend)
        self._runs.listen()
        if isinstance(environment.runner, MasterRunner):
            await_workers(environment, self._runs.give_up)
        if environment.web_ui is not None:
            guard_form(
                environment.web_ui,
                environment.parsed_options,
                self.prepare,
                self._runs.resize,
                lambda: self._runs.is_running,
            )

    def _connect_workers(self) -> Workers:
        """Those of a master are in other processes, and alone this process is the only one."""
        environment = self._environment
        if isinstance(environment.runner, MasterRunner):
            hold_distribution(environment)
            environment.runner.register_message(REPORT, lambda msg, **_: self._take(msg.data))
            return DistributedWorkers(environment.runner)
        inbox = Inbox(self._world, self._take, phase_rows(environment))
        environment.hubbub_inbox = inbox
        return LocalWorkers({LOCAL_WORKER: inbox})

    def _take(self, values: Any) -> None:
        self._runs.take(values)

    def settings(self, workers: int) -> Settings:
        """The settings of a run that starts now, with so many worker processes. Raises ConfigError."""
        parsed = self._environment.parsed_options
        parsed.host = self._environment.host
        running = {kind.__name__: float(kind.weight) for kind in self._environment.user_classes}
        # positional user classes and the class picker may have chosen others than the mix
        return replace(options.settings_of(parsed, workers, self._shapes), mix=running)

    def prepare(self) -> None:
        """Check the options, and set up mix and shape from them. Raises ConfigError."""
        environment, parsed = self._environment, self._environment.parsed_options
        workers = self._workers_expected()
        settings = options.settings_of(parsed, workers, self._shapes)
        if not settings.locust_tables:
            hide_tables()
        check_possible(settings, self._world)
        if not workers:
            self._world.check_room_for(settings.clients, settings)
        parsed.num_users, parsed.spawn_rate = settings.clients, settings.spawn_rate
        if not parsed.user_classes and not parsed.class_picker:
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
        """The load shape that Locust follows; None where there is none, or no end to scale it to."""
        if settings.shape == "none" or settings.duration_us is None:
            return None
        make, path = self._shapes.get(settings.shape), OPTION["shape"].file(settings.shape)
        if make is None and path is not None and path.parent != SUITE / "shapes":
            make = load_shape(path)
        if make is None:
            known = ", ".join(["none", *sorted(self._shapes)])
            meant = did_you_mean(settings.shape, self._shapes)
            raise ConfigError(f"shape must be one of {known}, or a file, not {settings.shape!r}.{meant}")
        curve = curve_of(make, settings.shape, settings.clients, settings.duration_us)
        curve.check(settings.spawn_rate)
        say("\n  ".join([f"shape {curve.name}", *curve.schedule()]))
        return CurveShape(curve, settings.spawn_rate, lambda: self._runs.elapsed_us)

    def _start_backend(self) -> EmbeddedBackend:
        environment = self._environment
        cap = int(environment.parsed_options.max_conns_per_user)
        with told_if_slow(self._world.scheduler, lambda: "no host given; the embedded backend starts"):
            backend = EmbeddedBackend(cap, MAX_CONNECTIONS)
        environment.host = environment.parsed_options.host = backend.origin
        environment.parsed_options.backend_pid = str(backend.pid)
        say(f"no host given; the embedded backend runs on {backend.origin}")
        return backend
