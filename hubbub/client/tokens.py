"""Calls as an account: a token that the backend does not take any more is replaced, once for all that use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hubbub.client.context import WorkerContext
from hubbub.contracts import Contract, Credentials, HttpRequest, Identity, Script, perform
from hubbub.errors import HTTP_UNAUTHORIZED, CallFailed, ContractError

T = TypeVar("T")


def log_in(contract: Contract, credentials: Credentials, request: HttpRequest) -> Identity:
    """Who an account is. Raises HubbubError."""
    script = contract.login(credentials)
    if script is None:
        raise ContractError(f"contract {contract.name} has no login")
    return perform(script, request)


def with_token(context: WorkerContext, account: int, call: Callable[[Identity], T]) -> T:
    """What `call` returns for the account; tried once more with a new token after HTTP 401. Raises what it raises."""
    identity = context.accounts[account].identity or renewed(context, account, None)
    try:
        return call(identity)
    except CallFailed as error:
        if error.status != HTTP_UNAUTHORIZED:
            raise
    return call(renewed(context, account, identity))


def run_as(
    context: WorkerContext, account: int, script_of: Callable[[Identity], Script[T] | None], place: int = 0
) -> T | None:
    """What a script of the contract does as an account, at the host of a place; None where it has none.

    Raises HubbubError.
    """

    def call(identity: Identity) -> T | None:
        script = script_of(identity)
        return None if script is None else perform(script, context.http_at(place))

    return with_token(context, account, call)


def renewed(context: WorkerContext, account: int, stale: Identity | None) -> Identity:
    """Another token than a stale one: log in again, unless somebody else has meanwhile. Raises HubbubError."""
    state, contract = context.accounts[account], context.contract
    with state.lock:
        if state.identity is None or state.identity == stale:
            assert state.account is not None
            started_us = context.now_us()
            state.identity = log_in(contract, state.account.credentials, context.http)
            ended_us = context.now_us()
            context.phase_stats.phase("login", ended_us - started_us, context.lateness.low_us(started_us, ended_us))
        return state.identity
