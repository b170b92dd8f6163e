"""Before a run: its accounts and conversations are made, and what is missing is signed up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil

from hubbub.client.accounts import Account
from hubbub.contracts import Contract, HttpRequest, Identity
from hubbub.errors import CallFailed, ConnectError, ContractError, RunError

PASSWORD = "TestPass123!@#"
"""Of every account that a run signs up; it satisfies the strictest rules we met."""

SIGNUP_TRIES = 5
HTTP_CONFLICT, HTTP_TOO_MANY = 409, 429


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
    conversations: list[tuple[int, int]]


class Provisioner:
    """Makes the accounts and conversations of a run: logs in configured accounts, signs up what is missing.

    `request` makes HTTP calls, `sleep` waits between tries, `say` reports progress in a line.
    """

    def __init__(
        self,
        contract: Contract,
        request: HttpRequest,
        run_id: str,
        configured: Iterable[tuple[str, str]],
        sleep: Callable[[float], object],
        say: Callable[[str], object],
    ) -> None:
        self._contract = contract
        self._request = request
        self._run_id = run_id
        self._configured = list(configured)
        self._sleep = sleep
        self._say = say
        self._made = 0
        self._identities: dict[int, Identity] = {}

    def check_backend(self) -> None:
        """Raise RunError when nothing answers at the backend's address."""
        call = self._contract.health()
        if call is None:
            return
        try:
            call.perform(self._request)
        except ConnectError as error:
            raise RunError(f"no backend answers at the host ({error}); start it, or check --host.") from error
        except CallFailed:
            pass  # something answers; whether it is the right thing, sign-up and login will tell

    def make(self, needs: Iterable[Needs], conversation_id: int | None = None) -> list[Provision]:
        """What each worker needs, in order. Raises RunError with the reason when it cannot be made."""
        provisions, first_conversation = [], 0
        for need in needs:
            indexes = range(first_conversation, first_conversation + need.conversations)
            provisions.append(self._make_one(need, list(indexes), conversation_id))
            first_conversation += need.conversations
        return provisions

    def one_more(self, conversation: int, backend_id: int) -> Account:
        """One more account that is a member of a conversation. Raises RunError when it cannot be made."""
        account = self._account([conversation])
        if self._contract.has_accounts:
            self._join(account, backend_id)
        return account

    def _make_one(self, need: Needs, indexes: list[int], conversation_id: int | None) -> Provision:
        shared = [self._account([indexes[n % len(indexes)]]) for n in range(need.shared)]
        own = [self._account(list(indexes)) for _ in range(need.own)]
        if not self._contract.has_accounts:
            return Provision(shared, own, [(index, index + 1) for index in indexes])
        conversations = [(index, conversation_id or self._conversation(index, shared + own)) for index in indexes]
        backend_ids = dict(conversations)
        for account in shared + own:
            for index in account.conversations:
                self._join(account, backend_ids[index])
        return Provision(shared, own, conversations)

    def _account(self, conversations: list[int]) -> Account:
        index = self._made
        self._made += 1
        account = Account(index, f"perfws-{self._run_id}-{index}@example.com", PASSWORD, conversations)
        if not self._contract.has_accounts:
            account.user_id = -1
            return account
        if index < len(self._configured):
            account.email, account.password = self._configured[index]
            identity = self._log_in(account) or self._sign_up(account)
        else:
            identity = self._sign_up(account)
        account.user_id = identity.user_id
        self._identities[index] = identity
        return account

    def _log_in(self, account: Account) -> Identity | None:
        """The identity of a configured account, None where the backend does not know it or its password."""
        try:
            body = self._contract.login(account.email, account.password).perform(self._request)
            return self._contract.identity(body)
        except CallFailed as error:
            if error.status == HTTP_TOO_MANY:
                raise RunError(_too_many("log in")) from error
            self._say(f"Account {account.email} could not log in ({error.reason}); signing it up.")
            return None
        except ConnectError as error:
            raise RunError(f"no backend answers at the host ({error}); start it, or check --host.") from error

    def _sign_up(self, account: Account) -> Identity:
        """Sign an account up, trying again with back-off. Raises RunError with the last reason."""
        username = f"perfws-{self._run_id}-{account.index}"[:30]
        last: Exception | None = None
        for attempt in range(SIGNUP_TRIES):
            if attempt:
                self._sleep(0.2 * 2**attempt)
            try:
                body = self._contract.signup(username, account.email, account.password).perform(self._request)
                return self._contract.identity(body)
            except CallFailed as error:
                last = error
                if error.status == HTTP_CONFLICT:
                    break
            except (ConnectError, ContractError) as error:
                last = error
        if isinstance(last, CallFailed) and last.status == HTTP_TOO_MANY:
            raise RunError(_too_many("sign accounts up")) from last
        if isinstance(last, CallFailed) and last.status == HTTP_CONFLICT:
            raise RunError(
                f"account {account.email} exists, and its password is not the one given; check the credentials."
            ) from last
        raise RunError(f"account {account.email} could not be signed up: {last}.") from last

    def _conversation(self, index: int, accounts: list[Account]) -> int:
        owner = next(account for account in accounts if index in account.conversations)
        call = self._contract.create_conversation(self._identities[owner.index], f"perfws-{self._run_id}-{index}")
        try:
            return self._contract.conversation_id(call.perform(self._request))
        except (ContractError, ConnectError) as error:
            raise RunError(f"conversation {call.json['name']} could not be made: {error}.") from error

    def _join(self, account: Account, backend_id: int) -> None:
        call = self._contract.join_conversation(self._identities[account.index], backend_id)
        try:
            call.perform(self._request)
        except (ContractError, ConnectError) as error:
            raise RunError(f"account {account.email} could not join conversation {backend_id}: {error}.") from error


def _too_many(what: str) -> str:
    return (
        f"the backend limits how often one address may {what} (HTTP 429): "
        "give an accounts file (--accounts) or switch the backend's limits off."
    )
