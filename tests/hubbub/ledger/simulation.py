"""A chat backend and its clients in memory, with faults: feeds a ledger, and knows what it must find.

Time is simulated. Clients join, chat, leave, join again and reconnect at random; each delivery takes a while and
connections keep their order. Faults inject receivers that have been there for five seconds and stay for six more, so
that what the ledger has to say about each is certain.
"""

import heapq
import itertools
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from hubbub.ledger.history import compare
from hubbub.ledger.ledger import SETTLE_US
from tests.hubbub.ledger.conftest import SECOND, Bench

STAYS_US = 6 * SECOND
HOLD_US = 3 * SECOND
MESSAGE_KINDS = ("swallow", "undelivered", "unstored", "refuse")
DELIVERY_KINDS = ("drop", "corrupt", "duplicate", "reorder", "leak")
KINDS = MESSAGE_KINDS + DELIVERY_KINDS


@dataclass(eq=False)
class Client:
    """One stay of a connection in a conversation, from its join until it leaves or is gone."""

    account: int
    conversation: int
    receiver: object
    joined_us: int
    ends_us: int
    ready_us: int | None = None
    has_ended: bool = False
    last_us: int = 0
    slo_results: dict = field(default_factory=dict)


class Simulation:
    """`rates` maps a kind of fault to its probability. `run` plays `seconds`, and returns the ledger's counts."""

    def __init__(self, seed, rates, seconds=60, conversations=3, accounts_each=6):
        self.random = Random(seed)
        self.rates = rates
        self.bench = Bench(conversations=conversations, accounts=conversations * accounts_each)
        self.ledger = self.bench.ledger
        for index in range(conversations):
            members = range(index * accounts_each, (index + 1) * accounts_each)
            self.ledger.add_conversation(index, index + 1, members)
            self.ledger.conversations[index].remember_seen()
        self.truth = Counter()
        self.stored = Counter()
        self.ghosts = []
        self.closed = set()
        self.intervals = {index: [] for index in range(conversations)}
        self.clients = {index: [] for index in range(conversations)}
        self._events, self._numbers = [], itertools.count()
        self.starts_us = self.bench.now
        self.stops_us = self.starts_us + seconds * SECOND
        for index in range(conversations):
            for account in self.ledger.conversations[index].members:
                self.at(self.starts_us + self.random.randrange(3 * SECOND), self._join, account, index)

    # -- events ------------------------------------------------------------------------------------------------------

    def at(self, when_us, action, *arguments):
        heapq.heappush(self._events, (when_us, next(self._numbers), action, arguments))

    def run(self):
        for second in range((self.stops_us - self.starts_us) // SECOND + 5):
            self.at(self.starts_us + second * SECOND, self._tick)
        while self._events:
            self.bench.now, _, action, arguments = heapq.heappop(self._events)
            action(*arguments)
        seen = [key for room in self.ledger.conversations.values() for key in room.seen]
        self.history = compare(seen, [message.key for message in self.ledger.unseen()], self.stored, is_whole=True)
        for message in self.ledger.unseen():
            if self.stored[message.key]:
                self.ledger.found_in_history(message)
        self.truth["lost"] += self.truth["drop"] + self.truth["corrupt"]
        for kind, conversation, intended_us, sent_us in self.ghosts:
            lost = self._lost_of(conversation, intended_us, sent_us)
            self.truth["lost"] += lost
            self.truth[f"lost by {kind}"] += lost
        return self.bench.finish()

    def _tick(self):
        self.ledger.latencies.close_second(True)
        self.ledger.tick(self.bench.now)

    def _lost_of(self, conversation, intended_us, sent_us):
        """How many receivers were due a message that reached nobody, and stayed long enough."""
        return sum(
            ready_us <= intended_us < ended_us and (ended_us == self.never_us or ended_us - sent_us >= SETTLE_US)
            for ready_us, ended_us in (
                (client.ready_us, client.ends_us if client.has_ended else self.never_us)
                for client in self.intervals[conversation]
                if client.ready_us is not None
            )
        )

    never_us = 1 << 60

    # -- clients -----------------------------------------------------------------------------------------------------

    def _join(self, account, conversation, receiver=None, last_us=0):
        """A client connects and asks to join; the backend subscribes it at once and says so a little later.

        With a receiver it is one that has left and joins again.
        """
        now = self.bench.now
        if now >= self.stops_us:
            return
        stays_us = self.random.choice((8, 15, 30, 1000)) * SECOND + self.random.randrange(SECOND)
        receiver = receiver or self.bench.connect(account)
        client = Client(account, conversation, receiver, now, now + stays_us, last_us=last_us)
        self.ledger.joining(receiver, conversation)
        self.clients[conversation].append(client)
        self.at(now + 20_000, self._ready, client)
        if client.ends_us < self.stops_us:
            self.at(client.ends_us, self._end, client)

    def _ready(self, client):
        client.ready_us = self.bench.now
        self.ledger.ready(client.receiver, client.conversation, self.bench.now)
        self.intervals[client.conversation].append(client)
        self.at(self.bench.now + self.random.randrange(SECOND), self._send, client)

    def _end(self, client):
        """A third leave and close a moment later, a third leave and join again; the others are cut off."""
        self.clients[client.conversation].remove(client)
        client.has_ended = True
        fate = self.random.choice(("leave", "join again", "cut off"))
        if fate == "cut off":
            self._close(client)
            return
        self.ledger.leave(client.receiver, client.conversation, self.bench.now)
        soon_us = self.bench.now + self.random.randrange(SECOND // 2)
        if fate == "leave" or soon_us >= self.stops_us:
            self.at(soon_us, self._close, client)
        else:
            self.truth["joined again"] += 1
            self.at(soon_us, self._join, client.account, client.conversation, client.receiver, client.last_us)

    def _close(self, client):
        """A connection is gone; its client comes back a while later."""
        now = self.bench.now
        self.closed.add(client.receiver)
        self.ledger.close(client.receiver, now)
        self.at(now + self.random.randrange(2 * SECOND), self._join, client.account, client.conversation)

    def _is_settled(self, client):
        now = self.bench.now
        stays = client.ends_us >= self.stops_us or client.ends_us - now > STAYS_US
        return client.ready_us is not None and now - client.joined_us >= 5 * SECOND and stays

    # -- messages ----------------------------------------------------------------------------------------------------

    def _strikes(self, kind):
        return kind in self.rates and self.random.random() < self.rates[kind]

    def _send(self, client):
        now = self.bench.now
        if now >= self.stops_us or client not in self.clients[client.conversation]:
            return
        lag_us = self.random.randrange(20_000)
        content, message = self.bench.send(client.receiver, client.conversation, f"text {now}", lag_us)
        self.at(now + SECOND // 2 + self.random.randrange(SECOND), self._send, client)
        kind = next((kind for kind in MESSAGE_KINDS if self._is_settled(client) and self._strikes(kind)), "")
        if kind:
            self.truth[kind] += 1
        if kind == "refuse":
            self.at(now + 10_000, self._refuse, client)
            return
        if kind == "swallow":
            self.ghosts.append((kind, client.conversation, message.intended_us, now))
            return
        if kind != "unstored":
            self.stored[message.key] += 1
        if kind == "undelivered":
            self.ghosts.append((kind, client.conversation, message.intended_us, now))
            return
        for receiver in list(self.clients[client.conversation]):
            self._deliver(receiver, client, content)

    def _refuse(self, client):
        if client.receiver not in self.closed:
            assert self.ledger.refuse(client.receiver, is_rate_limit=False)

    def _deliver(self, receiver, sender, content):
        settled = self._is_settled(receiver) and self._is_settled(sender)
        kind = next((kind for kind in DELIVERY_KINDS if settled and self._strikes(kind)), "")
        if kind == "reorder" and sender in receiver.slo_results:
            kind = ""
        if kind == "drop":
            self.truth[kind] += 1
            return
        if kind == "corrupt":
            self.truth[kind] += 1
            self._write(receiver, sender, content[:20] + "!" + content[21:])
            return
        if kind == "reorder":
            receiver.slo_results[sender] = content, self.bench.now
            self.at(self.bench.now + HOLD_US, self._give_up, receiver, sender, content)
            return
        self._write(receiver, sender, content)
        if kind == "duplicate":
            self.truth[kind] += 1
            self._write(receiver, sender, content)
        if kind == "leak":
            self._leak(receiver, sender, content)
        if sender in receiver.slo_results:
            slo_results, _ = receiver.slo_results.pop(sender)
            self.truth["reorder"] += 1
            self._write(receiver, sender, slo_results)

    def _give_up(self, receiver, sender, content):
        if receiver.slo_results.get(sender, ("",))[0] == content:
            del receiver.slo_results[sender]
            self._write(receiver, sender, content)

    def _leak(self, receiver, sender, content):
        others = [
            client
            for conversation, clients in self.clients.items()
            for client in clients
            if conversation != receiver.conversation and self._is_settled(client)
        ]
        if others:
            self.truth["leak"] += 1
            self._write(self.random.choice(others), sender, content)

    def _write(self, receiver, sender, content):
        """A delivery on its way: never before the one that was written to this connection earlier."""
        when_us = max(self.bench.now + 5_000 + self.random.randrange(60_000), receiver.last_us)
        receiver.last_us = when_us
        self.at(when_us, self._arrive, receiver, sender, content)

    def _arrive(self, receiver, sender, content):
        if receiver.receiver in self.closed:
            return
        payload = self.bench.frame(content, account=sender.account, conversation=sender.conversation)
        frame = bytearray(b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload)
        if not receiver.receiver.take_known(frame, 0, len(frame), self.bench.now, self.bench.now, self.bench.now):
            receiver.receiver.on_message(payload, self.bench.now, self.bench.now, bytes(frame))
