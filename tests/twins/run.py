"""A whole run in memory: its owner, its workers, and who spawns the clients."""

import itertools
import json
from types import SimpleNamespace

from gevent.pool import Group

from hubbub.options import resolve
from hubbub.run.inbox import Inbox
from hubbub.run.run import Run
from hubbub.run.workers import LocalWorkers
from tests.twins.backend import MemoryBackend, MemoryWorld
from tests.twins.scheduler import FakeScheduler
from users.chatter import Chatter


class Recorder:
    """An output that keeps what it is told."""

    def __init__(self):
        self.folder, self.reports, self.is_over = None, [], False

    def begin(self, folder):
        self.folder = folder

    def take(self, report):
        self.reports.append(report)

    def end(self):
        self.is_over = True


class Workers(LocalWorkers):
    """Workers of this process, as if they were in others: one can be lost."""

    is_distributed = True

    def __init__(self, inboxes):
        super().__init__(inboxes)
        self.lost = set()

    def present(self):
        return [name for name in super().present() if name not in self.lost]

    def send(self, worker, kind, values):
        if worker not in self.lost:
            super().send(worker, kind, values)


class MemoryRun:
    """`options` are texts; `kinds` the kinds of clients, in turn; `fault` see backend.py; `workers` how many."""

    def __init__(self, folder, kinds=(Chatter,), fault=lambda number: None, workers=0, **options):
        self.scheduler = FakeScheduler()
        self.backend = MemoryBackend(self.scheduler, fault)
        self.world = MemoryWorld(self.scheduler, self.backend)
        self.phases = []
        names = [f"w{number}" for number in range(workers)] or ["local"]
        inboxes = {name: self._inbox(name) for name in names}
        self.inboxes = list(inboxes.values())
        self.workers = Workers(inboxes) if workers else LocalWorkers(inboxes)
        given = {"host": "http://memory", "run_dir": str(folder), "clients": "12", "duration": "5s"}
        self.settings = resolve(given | {"preflight": "off"} | options, workers or None)
        self.recorder = Recorder()
        self.kinds = kinds
        self.users, self.reports, self.promises = [], [], []
        self.asked_for = self.settings.clients
        self.group = Group()
        self.is_over = False
        self.run = Run(self.settings, kinds, self.workers, self.world, [self.recorder], self)

    def _inbox(self, name):
        return Inbox(self.world, lambda values: self._report(name, values), self._on_phase)

    def _on_phase(self, phase, elapsed_us, failure):
        self.phases.append((phase, elapsed_us, failure))

    def _report(self, name, values):
        self.reports.append(values)
        if name not in getattr(self.workers, "lost", ()):
            self.run.take(values)

    # -- who spawns clients ------------------------------------------------------------------------------------------

    def spawn(self, count):
        begin = len(self.users)
        for number, kind in zip(range(begin, begin + count), itertools.cycle(self.kinds), strict=False):
            inbox = self.inboxes[number % len(self.inboxes)]
            self.users.append(kind(SimpleNamespace(hubbub_inbox=inbox, events=None)))
            self.users[-1].start(self.group)
        self.run.spawned()

    def edit(self, count):
        """Ask for another number of clients, as a person does in the web UI."""
        self.run.resize(count)
        self.asked_for = count
        for number in range(count, len(self.users)):
            self.stop(number)
        self.spawn(count - len(self.users))

    def stop(self, number):
        """Stop one client, as a shape does on its way down."""
        self.group.killone(self.users[number].greenlet, block=False)

    def promise(self, seconds, folder):
        self.promises.append((seconds, folder))

    def asked(self):
        return self.asked_for

    def finish(self, _run_id):
        """The run is over: as Locust does, stop the clients."""
        self.group.kill(block=False)
        self.is_over = True

    # -- the whole of it ---------------------------------------------------------------------------------------------

    def begin(self):
        if self.run.begin():
            self.spawn(self.settings.clients)

    def until(self, condition):
        self.scheduler.run(condition)

    def to_the_end(self):
        """Run to the end; returns summary.json."""
        self.until(lambda: self.is_over)
        return self.summary

    @property
    def summary(self):
        return json.loads((self.run.path / "summary.json").read_text())

    def go(self):
        self.begin()
        return self.to_the_end()
