"""A worker in memory with one conversation, and sessions on it."""

import pytest

from hubbub.client.accounts import Account
from hubbub.client.context import WorkerContext
from hubbub.client.session import Session
from hubbub.client.slots import Slot
from hubbub.contracts import load_contract
from hubbub.health import Lateness
from hubbub.ledger import Ledger
from hubbub.options import resolve
from tests.twins.backend import MemoryBackend, MemoryTransport
from tests.twins.scheduler import FakeScheduler


class Place:
    """`do` runs something that waits to its end, while time goes on."""

    def __init__(self, **options):
        self.scheduler = FakeScheduler()
        self.backend = MemoryBackend(self.scheduler)
        self.phases = []
        contract = load_contract("sanctum")
        self.ledger = Ledger(7, contract, range(1, 100))
        self.transport = MemoryTransport(self.backend)
        for user in (1, 2):
            self.backend.users[f"a{user}@x.y"] = user
        self.backend.members[50] = {1, 2}
        self.backend.members[51] = {1, 2}
        self.ledger.add_conversation(0, 50, [0, 1])
        self.ledger.add_conversation(1, 51, [0, 1])
        self.context = WorkerContext(
            settings=resolve({"host": "http://memory"} | options),
            contract=contract,
            ledger=self.ledger,
            scheduler=self.scheduler,
            transport=self.transport,
            http=self.backend.request,
            lateness=Lateness(self.scheduler, None, self.transport.look),
            on_phase=lambda *phase: self.phases.append(phase),
            conversation_ids={0: 50, 1: 51},
        )
        self.context.lateness.loop.start()

    def session(self, account=0):
        return Session(self.context, Slot(account, Account(account, f"a{account + 1}@x.y", "p", [0, 1]), 0))

    def do(self, function, *arguments):
        task = self.scheduler.spawn(function, *arguments)
        self.scheduler.run(task.ready)
        return task.get()

    def ready(self, account=0):
        session = self.session(account)
        self.do(session.establish)
        return session


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def make_place():
    return Place
