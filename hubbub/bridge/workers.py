"""The workers of a run in other processes, reached through Locust's master; and what Locust shows of their clients."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import gevent
from locust import runners
from locust.dispatch import UsersDispatcher

from hubbub.client.context import OnPhase
from hubbub.contracts import Phase
from hubbub.run.inbox import Inbox
from hubbub.run.messages import REPORT, TO_WORKER
from hubbub.run.terminal import say
from hubbub.run.world import World

MISSING_STATE = "missing"
NEVER = -(10**9)
"""Locust forgets a worker after so many missed heartbeats, and starts all users of the others anew then."""

WATCH_INTERVAL_S = 0.5
ROW_TYPES = {Phase.CONNECT.value: "WS", Phase.JOIN.value: "WS"}


class DistributedWorkers:
    """The processes that are connected to a Locust master."""

    is_distributed = True

    def __init__(self, runner: Any) -> None:
        self._runner = runner

    def present(self) -> list[str]:
        """Those that have not gone or fallen silent."""
        return [client.id for client in self._runner.clients.all if client.state != MISSING_STATE]

    def send(self, worker: str, kind: str, values: dict[str, Any]) -> None:
        """Send one of them a message."""
        self._runner.send_message(kind, values, worker)


def connected_inbox(environment: Any, world: World) -> Inbox:
    """The inbox of a worker process: the master's messages go in, reports go to the master."""
    runner = environment.runner
    inbox = Inbox(world, lambda values: runner.send_message(REPORT, values), phase_rows(environment))
    for kind in TO_WORKER:
        runner.register_message(kind, lambda msg, kind=kind, **_: inbox.take(kind, msg.data))
    watch_master(environment, inbox)
    return inbox


def phase_rows(environment: Any) -> OnPhase:
    """Shows every phase of a client, and every message over HTTP, as a row of Locust's tables."""

    def show(name: str, elapsed_us: int, failure: str) -> None:
        environment.events.request.fire(
            request_type=ROW_TYPES.get(name, "HTTP"),
            name=name,
            response_time=elapsed_us / 1_000,
            response_length=0,
            exception=RuntimeError(failure) if failure else None,
            context={},
        )

    return show


class SteadyDispatcher(UsersDispatcher):  # type: ignore[misc]
    """Distributes users over the workers that a run began with, and never moves one.

    Locust would give the users of a lost worker to the others, and some to a worker that comes during a run: neither
    has accounts for them, and a reconnect storm is not the load that was asked for.
    """

    @property
    def dispatch_in_progress(self) -> bool:
        """Locust starts to distribute anew where this is false."""
        return True

    def add_worker(self, worker_node: Any) -> None:
        """A worker came, or came back, during a run."""
        say(f"worker {worker_node.id} came during the run; it takes part from the next one on")

    _worker_nodes: list[Any]

    def remove_worker(self, worker_node: Any) -> None:
        """A worker went: it gets no users any more, and what it had stays asked for."""
        self._worker_nodes = [node for node in self._worker_nodes if node.id != worker_node.id] or self._worker_nodes
        self._worker_node_generator = itertools.cycle(self._worker_nodes)


def hold_distribution(environment: Any) -> None:
    """Let no worker's coming and going change the others' users."""
    environment.dispatcher_class = SteadyDispatcher
    runners.HEARTBEAT_DEAD_INTERNAL = NEVER


def await_workers(environment: Any, give_up: Callable[[str], None]) -> None:
    """Headless, wait for the expected workers as long as asked for; Locust would end with a log line and code 1."""
    parsed, runner = environment.parsed_options, environment.runner
    wait_s, parsed.expect_workers_max_wait = parsed.expect_workers_max_wait, 0
    ends_s = time.monotonic() + wait_s

    def wait() -> None:
        while (there := len(runner.clients.ready)) < parsed.expect_workers:
            if time.monotonic() > ends_s:
                give_up(f"{there} of {parsed.expect_workers} workers came within {wait_s} s.")
                return
            gevent.sleep(WATCH_INTERVAL_S)

    if wait_s and parsed.headless:
        gevent.spawn(wait)


def watch_master(environment: Any, inbox: Inbox) -> None:
    """End a worker whose master has been silent for too long during a run: nobody receives its reports."""
    heard_s = time.monotonic()

    def hear(**_: Any) -> None:
        nonlocal heard_s
        heard_s = time.monotonic()

    def watch() -> None:
        nonlocal heard_s
        began_s = time.monotonic()
        while True:
            gevent.sleep(WATCH_INTERVAL_S)
            now_s, before_s = time.monotonic(), began_s
            began_s = now_s
            if now_s - before_s > 2 * WATCH_INTERVAL_S:
                heard_s += now_s - before_s  # this process stood still, and could not hear anybody
            elif (limit_s := inbox.patience_s) is not None and now_s - heard_s > limit_s:
                say(f"the master has been silent for {limit_s:g} s; this worker stops.")
                inbox.give_up()
                environment.runner.quit()
                return

    environment.events.heartbeat_received.add_listener(hear)
    gevent.spawn(watch)
