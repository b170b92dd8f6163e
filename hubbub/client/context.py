"""What all clients of one worker share: the ledger, the ways to the backend, and what is counted of their phases."""

from __future__ import annotations

import logging
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gevent.event import Event
from gevent.lock import Semaphore

from hubbub.client.accounts import Account
from hubbub.client.heartbeats import Heartbeats
from hubbub.client.population import Population
from hubbub.client.presence import Presence
from hubbub.clock import Scheduler
from hubbub.contracts import Contract, Id, Identity
from hubbub.errors import Failure, failure_of, without_secrets
from hubbub.health import Lateness
from hubbub.ledger import Ledger
from hubbub.metrics.phase_stats import PhaseStats
from hubbub.metrics.texts import Texts
from hubbub.options import Settings
from hubbub.transport.base import Transport

logger = logging.getLogger(__name__)

OnPhase = Callable[[str, int, str], None]
"""Is told of every phase, and every message over HTTP, that ended: its name, microseconds, and the failure or ""."""


class HttpTurn(Protocol):
    """An HttpRequest that may have to wait until it can be made; it calls `began` when it is."""

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, began: Callable[[], object] = ...
    ) -> tuple[int, bytes]: ...


class AccountState:
    """What the connections of one account share.

    `account` is its login; `identity` is who it is; `open` has the sessions whose connections the backend accepted;
    `members` counts those that are ready or about to join; `gone` is set unless one of them has left for all, and the
    backend may not know it yet.
    """

    __slots__ = ("account", "gone", "identity", "lock", "members", "open")

    def __init__(self) -> None:
        self.account: Account | None = None
        self.identity: Identity | None = None
        self.lock = Semaphore(1)
        self.members = 0
        self.open: set[object] = set()
        self.gone = Event()
        self.gone.set()


@dataclass
class WorkerContext:
    """See the module. `conversation_ids` has the backend's id of each conversation by its index.

    `refusals` are the backend's words for messages that it did not take. `held_at_limit` is how many connections of one
    account were open when another one was turned away, at most; 0 when none was. `histories_read_us` has when a client
    last read the history of each conversation. `https` are the calls to each of several hosts, and
    `polls` those that may take as long as a poll, without a limit to how many are under way.
    """

    settings: Settings
    contract: Contract
    ledger: Ledger
    scheduler: Scheduler
    transport: Transport
    http: HttpTurn
    lateness: Lateness
    on_phase: OnPhase
    conversation_ids: dict[int, Id]
    https: Sequence[HttpTurn] = ()
    polls: Sequence[HttpTurn] = ()
    phase_stats: PhaseStats = field(default_factory=PhaseStats)
    accounts: defaultdict[int, AccountState] = field(default_factory=lambda: defaultdict(AccountState))
    population: Population = field(init=False)
    heartbeats: Heartbeats = field(init=False)
    presence: Presence = field(init=False)
    refusals: Texts = field(default_factory=Texts)
    held_at_limit: int = 0
    histories_read_us: dict[int, int] = field(default_factory=dict)
    started_us: int = field(init=False)
    _explained: set[tuple[object, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.started_us = self.now_us()
        self.heartbeats = Heartbeats(self.scheduler, self.contract.heartbeat_s)
        self.presence = Presence(self.phase_stats.connections)
        self.population = Population(self.now_us, self.settings.ready_timeout_us)

    def http_at(self, place: int) -> HttpTurn:
        """The calls of a client, which go to the same host as its connection."""
        return self.https[place % len(self.https)] if self.https else self.http

    def poll_at(self, place: int) -> HttpTurn:
        """The polls of a client."""
        return self.polls[place % len(self.polls)] if self.polls else self.http

    def now_us(self) -> int:
        """The present in microseconds."""
        return self.scheduler.now_us()

    def know(self, accounts: Iterable[Account]) -> None:
        """Accounts that clients will use; those of which it is known who they are need not log in."""
        for account in accounts:
            state = self.accounts[account.index]
            state.account = account
            if account.token:
                state.identity = Identity(account.token, account.user_id, account.columns)

    def logged_in(self, accounts: Iterable[int]) -> list[int]:
        """Which of some accounts have logged in."""
        return [index for index in accounts if index in self.accounts and self.accounts[index].identity is not None]

    def error(self, failure: Failure, sample: str, is_attempt: bool = False) -> None:
        """Count an error. `is_attempt` when a call, connect, join or send failed."""
        self.phase_stats.error(failure, self.now_us() - self.started_us, without_secrets(sample), is_attempt)

    def explain_once(self, error: BaseException) -> None:
        """Write the traceback of an exception that nobody planned into the log: the first of each place and type."""
        innermost = traceback.extract_tb(error.__traceback__)[-1:]
        place = type(error).__name__, *((innermost[0].filename, innermost[0].lineno) if innermost else ())
        if place not in self._explained:
            self._explained.add(place)
            logger.error("an exception ended a client (further ones of this place are only counted)", exc_info=error)

    def failed(self, attempt: str, error: Exception) -> None:
        """Count an attempt that failed, such as `send` or `leave`."""
        is_ours = self.lateness.may_have_caused(error)
        self.error(failure_of(attempt, error, is_ours), str(error), is_attempt=True)
