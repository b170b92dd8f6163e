"""A ledger with a hand-driven clock, and frames like a backend's."""

import json

import pytest

from hubbub.contracts import load_contract
from hubbub.ledger import Ledger

RUN = 0xC0FFEE
SECOND = 1_000_000


class Bench:
    """One ledger, its clock, and short names for what happens to it. Account n has the user id 100 + n."""

    def __init__(self, conversations=1, accounts=4, contract="sanctum", **ledger):
        self.contract = load_contract(contract)
        self.ledger = Ledger(RUN, self.contract, range(100, 100 + accounts), **ledger)
        for index in range(conversations):
            members = range(accounts) if conversations == 1 else [index]
            self.ledger.add_conversation(index, index + 1, members, self.contract.has_echo)
        self.now = 10 * SECOND
        self.events = []

    @property
    def counts(self):
        return self.ledger.counts

    def wait(self, seconds):
        self.now += round(seconds * SECOND)

    def tick(self, seconds):
        self.wait(seconds)
        self.ledger.tick(self.now)

    def connect(self, account=0):
        return self.ledger.open_receiver(account, lambda event, now: self.events.append(event))

    def join(self, account=0, conversation=0):
        receiver = self.connect(account)
        self.ledger.joining(receiver, conversation)
        self.ledger.ready(receiver, conversation, self.now)
        return receiver

    def send(self, receiver, conversation=0, text="hello", lag_us=0):
        content, message = self.ledger.send(receiver, conversation, self.now - lag_us, self.now, text)
        return content, message

    def frame(self, content, account=0, conversation=0, kind="message"):
        payload = {"id": 1, "content": content}
        frame = {"type": kind, "conversation_id": conversation + 1, "user_id": 100 + account, "payload": payload}
        return json.dumps(frame, separators=(",", ":")).encode()

    def deliver(self, receiver, content, **how):
        receiver.on_message(self.frame(content, **how), self.now, self.now)

    def finish(self):
        self.ledger.finish(self.now)
        counts = self.counts
        assert counts.due == counts.delivered + counts.lost + counts.excused
        assert counts.pending == 0
        timings = self.ledger.timings
        assert timings.low.all().count == timings.response.count == timings.delivery.count
        assert timings.room_low.all().count == timings.room_complete.count
        return counts


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def make_bench():
    return Bench
