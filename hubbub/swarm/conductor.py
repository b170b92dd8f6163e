"""The master's side of all runs (or of the only process): start one after another, end each, whatever ends it.

Every way in which a run can end (its duration, a shape's end, the web form's Stop, Ctrl-C, SIGTERM, a lost worker)
leads to Locust's `test_stopping`, and there to `end`, which blocks Locust until the run was drained and judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

from hubbub.accounts import Provisioner
from hubbub.config import Settings, slo_texts
from hubbub.contracts import load_contract
from hubbub.corpus import Corpus
from hubbub.errors import HubbubError
from hubbub.exit_code import ExitCode
from hubbub.report import parse_objectives
from hubbub.requests_client import client_of
from hubbub.swarm.folder import make_folder
from hubbub.swarm.master import MISSING_STATE, MasterRun
from hubbub.swarm.messages import REPORT, Report
from hubbub.swarm.terminal import say
from hubbub.wire import from_plain


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
            self.run.take(from_plain(Report, msg.data))

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
        self._environment.process_exit_code = ExitCode.IMPOSSIBLE
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
        say("stopping; press Ctrl-C again to stop immediately.")


def check_possible(settings: Settings, host: str) -> None:
    """What can be told before a run begins: raises HubbubError when it cannot be made."""
    Corpus.make(settings.seed, settings.message_size)
    parse_objectives(slo_texts(settings.slo))
    if settings.run_dir:
        make_folder(settings.run_dir, settings.profile)
    contract = load_contract(settings.contract)
    if host:
        Provisioner(contract, client_of(settings, host), "check").check_backend()
