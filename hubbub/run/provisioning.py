"""Before a run: its accounts and conversations are made, and what is missing is signed up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

from hubbub.client.accounts import Account
from hubbub.client.patience import Patience
from hubbub.client.tokens import log_in
from hubbub.clock import US_PER_SECOND, Scheduler
from hubbub.contracts import Contract, Credentials, HttpRequest, Id, Identity, perform
from hubbub.errors import CallFailed, ConnectError, ContractError, RunError, Throttled, described
from hubbub.run.crew import Crew

T = TypeVar("T")

PASSWORD = "TestPass123!@#"
"""Of every account that a run signs up; it satisfies the strictest rules we met."""

TRIES = 5
TRIES_AT_LIMIT = 3
"""Of a call that is told to come later: what is not allowed then will not be soon, and a person waits."""

JOINED = "joined to their conversations"

ACCOUNTS_SHARE = 0.75
"""Of the time for preparing: the rest is for conversations and joining them."""

HTTP_CONFLICT = 409
NOT_TAKEN = frozenset({400, 401, 403, 404, 422})
"""What a backend answers that does not know an account or its password; anything else says nothing of them."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What one worker needs: accounts that share its conversations, and accounts of their own for users who roam."""

    shared: int
    own: int
    conversations: int

    @classmethod
    def of(cls, clients: int, roamers: int, per_account: int, conversations: int) -> Needs:
        """For so many clients on the worker, of whom so many need an account of their own."""
        return cls(max(ceil(clients / per_account), conversations) if clients else 0, roamers, conversations)


@dataclass(slots=True)
class Provision:
    """What was made for one worker: shared accounts, own accounts, and conversations as (index, backend id)."""

    shared: list[Account]
    own: list[Account]
    conversations: list[tuple[int, Id]]


class NotAllowed(RunError):
    """The backend or the configuration stands against every account, so that no other try helps."""


class Provisioner:
    """Makes the accounts and conversations of a run: logs in configured accounts, signs up what is missing.

    `request` makes HTTP calls, `at_once` of them at a time; `say` reports progress in a line. What cannot be made in
    `seconds` is missing, and named in `missing`. `fallbacks` has another password for some e-mails. Unless it
    `may_sign_up`, every account has to be a configured one. `logged_in` and `signed_up` count what was done.
    """

    def __init__(
        self,
        contract: Contract,
        request: HttpRequest,
        run_id: str,
        configured: Iterable[Credentials],
        scheduler: Scheduler,
        say: Callable[[str], object],
        at_once: int = 1,
        seconds: float = 60.0,
        fallbacks: Mapping[str, str] | None = None,
        may_sign_up: bool = True,
    ) -> None:
        self.missing: list[str] = []
        self.logged_in = 0
        self.signed_up = 0
        self._may_sign_up = may_sign_up
        self._contract = contract
        self._request = request
        self._run_id = run_id
        self._configured = list(configured)
        self._fallbacks = fallbacks or {}
        self._scheduler = scheduler
        self._say = say
        self._at_once = at_once
        self._ends_us = scheduler.now_us() + round(seconds * US_PER_SECOND)
        self._made = 0
        self._let_through = 0
        self._identities: dict[int, Identity] = {}

    # -- everything --------------------------------------------------------------------------------------------------

    def make(self, needs: Iterable[Needs], conversation_id: Id | None = None) -> list[Provision]:
        """What each worker needs, in order. Raises RunError with the reason when a conversation has nobody."""
        provisions, first_conversation = [], 0
        for need in needs:
            indexes = list(range(first_conversation, first_conversation + need.conversations))
            shared = [self._number([indexes[n % len(indexes)]]) for n in range(need.shared)]
            own = [self._number(list(indexes)) for _ in range(need.own)]
            names = [(index, self._contract.conversation_name(self._run_id, index)) for index in indexes]
            if conversation_id is not None:
                names = [(index, conversation_id) for index in indexes]
            provisions.append(Provision(shared, own, names))
            first_conversation += need.conversations
        if not self._contract.has_accounts:
            return provisions
        if not self._may_sign_up and self._made > len(self._configured):
            raise RunError(
                f"{self._made} accounts are needed, and {len(self._configured)} were given: give more, let one account "
                "hold more connections (--max-conns-per-user), or sign up what is missing (--signup missing)."
            )
        accounts = [account for provision in provisions for account in provision.shared + provision.own]
        there = self._all("made", self._log_in_or_sign_up, accounts, ACCOUNTS_SHARE)
        backend_ids = self._conversations(provisions, there, conversation_id)
        joins = [(account, index) for account in there for index in account.conversations]
        joined = self._all(JOINED, lambda join: self._join(join[0], backend_ids[join[1]]), joins, 1.0)
        if {index for _, index in joined} != set(backend_ids):  # somebody must be there to talk to
            raise RunError(f"{'; '.join(self.missing)}.")
        members = {account.index for account, _ in joined}
        return [
            Provision(
                [account for account in provision.shared if account.index in members],
                [account for account in provision.own if account.index in members],
                [(index, backend_ids[index]) for index, _ in provision.conversations],
            )
            for provision in provisions
        ]

    def more(
        self, memberships: Sequence[Sequence[int]], backend_ids: Mapping[int, Id], seconds: float
    ) -> list[Account]:
        """More accounts, each a member of existing conversations. Raises RunError where one cannot be made in time."""
        accounts = [self._number(list(conversations)) for conversations in memberships]
        if self._contract.has_accounts:
            self.missing.clear()
            self._ends_us = self._scheduler.now_us() + round(seconds * US_PER_SECOND)
            self._all("made", self._log_in_or_sign_up, accounts, ACCOUNTS_SHARE)
            joins = [
                (account, index)
                for account in accounts
                for index in account.conversations
                if account.index in self._identities
            ]
            self._all(JOINED, lambda join: self._join(join[0], backend_ids[join[1]]), joins, 1.0)
            if self.missing:
                raise RunError(f"{'; '.join(self.missing)}.")
        return accounts

    def one_more(self, conversation: int, backend_id: Id) -> Account:
        """One more account that is a member of a conversation. Raises RunError when it cannot be made."""
        account = self._number([conversation])
        if self._contract.has_accounts:
            self._log_in_or_sign_up(account)
            self._join(account, backend_id)
        return account

    def _all(self, done: str, work: Callable[[T], object], items: list[T], share: float) -> list[T]:
        """Do something for all items, in a share of the time that is left; returns those for which it was done."""

        def progress(number: int) -> None:
            self._say(f"{number} of {len(items)} accounts are {done}")

        crew: Crew[T, object] = Crew(self._scheduler, work, self._at_once, (NotAllowed,), progress)
        crew.do(items, share * max(0.0, self._ends_us - self._scheduler.now_us()) / US_PER_SECOND)
        lacking = len(items) - len(crew.made)
        if lacking:
            first = next(iter(crew.failed.values()), None)
            why = (
                described(first).rstrip(".") if first is not None else "the time for it was over; see --prepare-timeout"
            )
            self.missing.append(f"{lacking} of {len(items)} accounts could not be {done}: {why}")
        return [item for place, item in enumerate(items) if place in crew.made]

    def _conversations(
        self, provisions: list[Provision], accounts: list[Account], conversation_id: Id | None
    ) -> dict[int, Id]:
        """The backend's id of each conversation. Raises RunError where one has no account, or cannot be made."""
        indexes = [index for provision in provisions for index, _ in provision.conversations]
        owners: dict[int, Account] = {}
        for account in reversed(accounts):
            owners |= dict.fromkeys(account.conversations, account)
        if any(index not in owners for index in indexes):
            raise RunError(f"{'; '.join(self.missing)}.")
        if conversation_id is not None or self._contract.rooms == "name":
            return dict(pair for provision in provisions for pair in provision.conversations)
        crew: Crew[int, Id] = Crew(
            self._scheduler, lambda index: self._conversation(index, owners[index]), self._at_once, (RunError,)
        )
        crew.do(indexes, max(0.0, self._ends_us - self._scheduler.now_us()) / US_PER_SECOND)
        if len(crew.made) < len(indexes):
            raise RunError(
                f"{len(crew.made)} of {len(indexes)} conversations were made in time; see --prepare-timeout."
            )
        return {index: crew.made[place] for place, index in enumerate(indexes)}

    # -- one account -------------------------------------------------------------------------------------------------

    def _number(self, conversations: list[int]) -> Account:
        index = self._made
        self._made += 1
        account = Account(index, f"perfws-{self._run_id}-{index}@example.com", PASSWORD, conversations)
        account.username = f"perfws-{self._run_id}-{index}"[:30]
        if index < len(self._configured):
            given = self._configured[index]
            account.email, account.password, account.columns = given.email, given.password, dict(given.columns)
        return account

    def _log_in_or_sign_up(self, account: Account) -> None:
        is_configured = account.index < len(self._configured)
        identity = self._log_in(account) if is_configured else None
        if identity is not None:
            self.logged_in += 1
        elif self._may_sign_up:
            identity = self._sign_up(account)
            self.signed_up += 1
        else:
            what = f"account {account.email} could not log in" if is_configured else "one more account is needed"
            raise NotAllowed(
                f"{what}: check the accounts that were given, or sign up what is missing (--signup missing)."
            )
        account.user_id, account.token = identity.user_id, identity.token
        self._identities[account.index] = identity

    def _log_in(self, account: Account) -> Identity | None:
        """The identity of a configured account, None where the backend does not know it or its password."""
        try:
            return self._patiently(
                "log in", account, lambda: log_in(self._contract, account.credentials, self._request)
            )
        except CallFailed as error:
            if error.status not in NOT_TAKEN:
                raise RunError(f"account {account.email} could not log in: {error}.") from error
            if (fallback := self._fallbacks.get(account.email)) and account.password != fallback:
                given, account.password = account.password, fallback
                if identity := self._log_in(account):
                    return identity
                account.password = given
                return None
            then = "; signing it up" if self._may_sign_up else ""
            self._say(f"account {account.email} could not log in ({error.reason}){then}.")
            return None
        except ConnectError as error:
            raise RunError(f"no backend answers at the host ({error}); start it, or check --host.") from error

    def _sign_up(self, account: Account) -> Identity:
        """Sign an account up, trying again with back-off. Raises RunError with the last reason."""
        last: Exception | None = None
        for attempt in range(TRIES):
            if attempt:
                self._scheduler.sleep(0.2 * 2**attempt)
            try:
                return self._patiently("sign up", account, lambda: self._signed_up(account))
            except CallFailed as error:
                if error.status == HTTP_CONFLICT:
                    last = last or error  # what failed before made the account, and more than that
                    break
                last = error
            except ConnectError as error:
                last = error
            except ContractError as error:
                raise NotAllowed(f"account {account.email} could not be signed up: {error}.") from error
        if isinstance(last, CallFailed) and last.status == HTTP_CONFLICT:
            raise NotAllowed(
                f"account {account.email} exists, and its password is not the one given; check the credentials."
            ) from last
        if isinstance(last, ConnectError):
            raise RunError(f"no backend answers at the host ({last}); start it, or check --host.") from last
        raise RunError(f"account {account.email} could not be signed up: {last}.") from last

    def _signed_up(self, account: Account) -> Identity:
        script = self._contract.signup(account.credentials)
        if script is None:
            raise NotAllowed(
                f"account {account.email} is needed, and contract {self._contract.name} signs none up: give accounts "
                "(--accounts)."
            )
        return perform(script, self._request)

    def _patiently(self, what: str, account: Account, call: Callable[[], T]) -> T:
        """Make a call as often as the backend's limits ask for. Raises NotAllowed where there is no time for that.

        Where the backend does not say when to come again, a few tries are enough while no other call is let through.
        """
        patience = Patience(self._scheduler, account.index)
        tries, let_through = 0, self._let_through
        while True:
            try:
                answer = call()
                self._let_through += 1
                return answer
            except Throttled as error:
                tries = 1 if let_through != self._let_through else tries + 1
                let_through = self._let_through
                wait_s = patience.next_s(error)
                is_too_long = self._scheduler.now_us() + wait_s * US_PER_SECOND > self._ends_us
                if is_too_long or (error.retry_after_s is None and tries == TRIES_AT_LIMIT):
                    raise NotAllowed(_too_many(what, error)) from error
                self._say(f"the backend limits how often one address may {what} (HTTP 429); waiting {wait_s:.0f} s")
                self._scheduler.sleep(wait_s)

    def _conversation(self, index: int, owner: Account) -> Id:
        name = f"perfws-{self._run_id}-{index}"

        def make() -> Id:
            script = self._contract.create_conversation(self._identities[owner.index], name)
            if script is None:
                raise RunError(f"contract {self._contract.name} makes no conversations: give --conversation-id.")
            return perform(script, self._request)

        try:
            return self._patiently("make a conversation", owner, make)
        except (ContractError, ConnectError) as error:
            raise RunError(f"conversation {name} could not be made: {error}.") from error

    def _join(self, account: Account, backend_id: Id) -> None:
        def join() -> None:
            script = self._contract.join_conversation(self._identities[account.index], backend_id)
            if script is not None:
                perform(script, self._request)

        try:
            self._patiently("join a conversation", account, join)
        except (ContractError, ConnectError) as error:
            raise RunError(f"account {account.email} could not join conversation {backend_id}: {error}.") from error


def _too_many(what: str, error: Throttled) -> str:
    asks = f", and asks to wait {error.retry_after_s:.0f} s" if error.retry_after_s is not None else ""
    return (
        f"the backend limits how often one address may {what} (HTTP 429){asks}: "
        "give an accounts file (--accounts) or switch the backend's limits off."
    )
