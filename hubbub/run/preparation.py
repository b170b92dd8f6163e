"""What is done before a run: its options are checked, its accounts, conversations and texts are made."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from math import ceil

from hubbub.canary.task import Task
from hubbub.client.accounts import Account, read_accounts
from hubbub.client.client import Client
from hubbub.client.payloads import Payloads
from hubbub.clock import US_PER_SECOND
from hubbub.contracts import Credentials, load_contract
from hubbub.errors import ConfigError, RunError
from hubbub.options import CALLS_OF_A_CLIENT, Settings
from hubbub.profiles import slo_texts
from hubbub.report import parse_objectives, tolerances_us
from hubbub.run.folder import make_folder
from hubbub.run.hosts import check_hosts
from hubbub.run.messages import Assignment, Extension
from hubbub.run.preflight import Preflight
from hubbub.run.provisioning import Needs, Provision, Provisioner
from hubbub.run.steps import told_if_slow
from hubbub.run.terminal import say
from hubbub.run.world import World
from hubbub.transport.base import websocket_origin

logger = logging.getLogger(__name__)


def check_possible(settings: Settings, world: World) -> None:
    """What can be told before a run begins: raises HubbubError when it cannot be made."""
    Payloads.make(settings.seed, settings.message_size, settings.message_text)
    parse_objectives(slo_texts(settings.slo))
    if settings.accounts:
        read_accounts(settings.accounts)
    if settings.run_dir:
        make_folder(settings.run_dir, settings.profile)
    contract = load_contract(settings.contract, settings.delivery_type, settings.contract_settings)
    longest = settings.message_size[1]
    if contract.max_content and longest > contract.max_content:
        raise ConfigError(
            f"message-size must be at most {contract.max_content}, the most that contract {settings.contract} says its "
            f"backend takes (max_content), not {longest}."
        )
    world.check_addresses(settings)
    if settings.host:
        check_hosts(contract, world, settings)


class Preparation:
    """Makes what the workers of one run need. Raises HubbubError with the reason when that fails."""

    def __init__(self, run_id: str, settings: Settings, workers: Sequence[str], world: World) -> None:
        if not settings.host:
            raise RunError("there is no backend to test: give --host.")
        self.canary: Task | None = None
        self._run_id = run_id
        self._settings = settings
        self._workers = workers
        self._world = world
        self._clients_of_one_worker = ceil(settings.clients / len(workers)) + self._more_on_one(
            settings.shape != "none"
        )

    def assignments(self, kinds: Sequence[type[Client]]) -> list[Assignment]:
        """What each worker is to do, for a mix of these kinds of clients."""
        settings = self._settings
        payloads = Payloads.make(settings.seed, settings.message_size, settings.message_text)
        tolerances = tolerances_us(parse_objectives(slo_texts(settings.slo)))
        _check_needs(kinds, settings)
        load_contract(settings.contract, settings.delivery_type, settings.contract_settings).check_variables(
            {column for account in configured_accounts(settings) for column in account.columns}
        )
        provisions = self._provision(kinds)
        user_ids = [account.user_id for provision in provisions for account in provision.shared + provision.own]
        return [
            Assignment(
                run=self._run_id,
                run_number=int(self._run_id, 16),
                worker=worker,
                token=secrets.token_hex(16),
                ordinal=ordinal,
                workers=len(self._workers),
                clients=self._clients_of_one_worker,
                settings=settings,
                payloads=payloads,
                user_ids=user_ids,
                tolerances_us=tolerances,
                clock_domain=self._world.clock_domain,
                provision=provision,
            )
            for ordinal, (worker, provision) in enumerate(zip(self._workers, provisions, strict=True))
        ]

    @property
    def accounts(self) -> dict[str, int]:
        """How the accounts of the run were had."""
        return {"logged_in": self.provisioner.logged_in, "signed_up": self.provisioner.signed_up}

    def preflight(self, assignments: Sequence[Assignment]) -> None:
        """See that the backend delivers at all, where that is asked for. Raises RunError."""
        first = assignments[0]
        if self._settings.preflight and (first.provision.shared or first.provision.own):
            with self._told(lambda: "preflight: two connections send each other a message"):
                Preflight(self._settings, self._world, first.run_number, first.provision, first.user_ids).check()

    def _told(self, what: Callable[[], str]) -> AbstractContextManager[None]:
        return told_if_slow(self._world.scheduler, what)

    def _provision(self, kinds: Sequence[type[Client]]) -> list[Provision]:
        """Make accounts and conversations for every worker, and the canary's account."""
        settings = self._settings
        configured = configured_accounts(settings)
        fallback = {settings.account_email: settings.account_fallback_password}
        contract = load_contract(settings.contract, settings.delivery_type, settings.contract_settings)
        self.provisioner = provisioner = Provisioner(
            contract,
            self._world.requests(settings),
            self._run_id,
            configured,
            self._world.scheduler,
            say,
            settings.prepare_concurrency,
            settings.prepare_timeout_us / US_PER_SECOND,
            fallback if settings.account_fallback_password else {},
            settings.may_sign_up,
        )
        with self._told(lambda: f"waiting for an answer of {settings.hosts}"):
            check_hosts(contract, self._world, settings)
        say(
            f"run {self._run_id} against {settings.hosts}: {settings.clients} clients on {len(self._workers)} "
            f"worker(s), {_rooms(settings)}, seed {settings.seed}"
        )
        roamers = min(_with_own_account(kinds, settings.clients), self._clients_of_one_worker)
        each = self._clients_of_one_worker, roamers, settings.max_conns_per_user
        needs = [Needs.of(*each, conversations) for conversations in spread(settings.conversations, len(self._workers))]
        say(_budget(settings, sum(need.shared + need.own for need in needs)))
        with self._told(lambda: "accounts log in or sign up, and conversations are made"):
            provisions = provisioner.make(needs, settings.conversation_id)
        self._provisions = provisions
        for text in provisioner.missing:
            say(text)
        say(f"accounts: {provisioner.logged_in} logged in, {provisioner.signed_up} signed up")
        if settings.canary:
            index, backend_id = provisions[0].conversations[0]
            with self._told(lambda: "the canary's account signs up"):
                self.canary = self._task_of_canary(provisioner.one_more(index, backend_id), backend_id)
        return provisions

    def _more_on_one(self, is_changing: bool) -> int:
        """Where the number of clients goes down and up again, Locust gives one worker one more than its share."""
        return 1 if is_changing and len(self._workers) > 1 else 0

    def extend(self, kinds: Sequence[type[Client]], clients: int) -> dict[str, Extension]:
        """What each worker needs for so many clients in all, beyond what it has. Raises RunError."""
        each = ceil(clients / len(self._workers)) + self._more_on_one(True)
        roamers = min(_with_own_account(kinds, clients), each)
        memberships, lengths = [], []
        for provision in self._provisions:
            conversations = [index for index, _ in provision.conversations]
            need = Needs.of(each, roamers, self._settings.max_conns_per_user, len(conversations))
            shared = max(0, need.shared - len(provision.shared))
            own = max(0, need.own - len(provision.own))
            begin = len(provision.shared)
            memberships += [[conversations[(begin + n) % len(conversations)]] for n in range(shared)]
            memberships += [conversations] * own
            lengths.append((shared, own))
        if not memberships:
            return {}
        backend_ids = dict(pair for provision in self._provisions for pair in provision.conversations)
        seconds = self._settings.prepare_timeout_us / US_PER_SECOND
        accounts = iter(self.provisioner.more(memberships, backend_ids, seconds))
        extensions = {}
        parts = [
            ([next(accounts) for _ in range(shared)], [next(accounts) for _ in range(own)]) for shared, own in lengths
        ]
        user_ids = [account.user_id for shared, own in parts for account in shared + own]
        for worker, provision, (shared_accounts, own_accounts) in zip(
            self._workers, self._provisions, parts, strict=True
        ):
            provision.shared += shared_accounts
            provision.own += own_accounts
            extensions[worker] = Extension(
                run=self._run_id, shared=shared_accounts, own=own_accounts, user_ids=user_ids
            )
        return extensions

    def _task_of_canary(self, account: Account, conversation_id: str | int) -> Task:
        """The canary listens in the first worker's first conversation."""
        settings = self._settings
        return Task(
            host=settings.host,
            websocket_origin=websocket_origin(settings.chat_origin()),
            contract=settings.contract,
            delivery_type=settings.delivery_type,
            contract_settings=settings.contract_settings,
            email=account.email,
            password=account.password,
            username=account.username,
            columns=account.columns,
            conversation_id=conversation_id,
            run_number=int(self._run_id, 16),
            headers=settings.http_headers,
            upgrade_headers=settings.upgrade_headers,
            cert=settings.cert,
            key=settings.key,
            ca=settings.ca,
            ca_mode=settings.ca_mode,
            resolve=asdict(settings.resolve),
            insecure=settings.insecure,
            timeout_s=settings.connect_timeout_us / 1e6,
        )


def configured_accounts(settings: Settings) -> list[Credentials]:
    """The accounts that the options give. Raises ConfigError."""
    configured = read_accounts(settings.accounts) if settings.accounts else []
    if settings.account_email:
        configured.append(Credentials(settings.account_email, settings.account_password))
    return configured


def _check_needs(kinds: Sequence[type[Client]], settings: Settings) -> None:
    """Raise ConfigError for a kind of client that the contract has not what it takes for."""
    contract = load_contract(settings.contract, settings.delivery_type, settings.contract_settings)
    for kind in kinds:
        if missing := kind.needs(contract):
            name = kind.__name__
            raise ConfigError(f"mix: {name} needs {missing}, and contract {contract.name} has none: leave {name} out.")


def _with_own_account(kinds: Sequence[type[Client]], clients: int) -> int:
    """How many of so many clients at most need an account of their own."""
    share = share_of(kinds, lambda kind: kind.has_own_account)
    return ceil(clients * share) + 1 if share else 0


def share_of(kinds: Sequence[type[Client]], is_counted: Callable[[type[Client]], bool]) -> float:
    """The share of a mix's clients whose kind is counted."""
    return sum(kind.weight for kind in kinds if is_counted(kind)) / sum(kind.weight for kind in kinds)


def _rooms(settings: Settings) -> str:
    """How far a message goes: with more conversations than one would think, fewer clients get it."""
    clients = -(-settings.clients // settings.conversations)
    return f"{settings.conversations} conversation(s) of {clients} clients, so that each message reaches {clients}"


def _budget(settings: Settings, accounts: int) -> str:
    """What the preparation and the start ask of a backend that limits calls, and how long that takes at its limit."""
    calls = CALLS_OF_A_CLIENT * settings.clients
    seconds = settings.clients / settings.spawn_rate
    if settings.request_limit is None:
        held = f"in {seconds:.3g} s (--request-limit starts them no faster than a backend allows)"
    else:
        held = f"in {seconds:.3g} s, which keeps to {settings.request_limit * 60:g} a minute"
    return f"{accounts} accounts log in or sign up; then {settings.clients} clients start with {calls} calls {held}"


def spread(total: int, parts: int) -> list[int]:
    """`total` in `parts` whole parts, as equal as can be."""
    return [total // parts + (part < total % parts) for part in range(parts)]
