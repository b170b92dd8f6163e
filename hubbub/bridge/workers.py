"""The workers of a run in other processes, reached through Locust's master; and what Locust shows of their clients."""

from __future__ import annotations

from typing import Any

from hubbub.client.context import OnPhase
from hubbub.contracts import Phase
from hubbub.run.inbox import Inbox
from hubbub.run.messages import REPORT, TO_WORKER
from hubbub.run.world import World

MISSING_STATE = "missing"
ROW_TYPES = {Phase.CONNECT: "WS", Phase.JOIN: "WS"}


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
    return inbox


def phase_rows(environment: Any) -> OnPhase:
    """Shows every phase of a client as a row of Locust's tables."""

    def show(phase: Phase, elapsed_us: int, failure: str) -> None:
        environment.events.request.fire(
            request_type=ROW_TYPES.get(phase, "HTTP"),
            name=phase.value,
            response_time=elapsed_us / 1_000,
            response_length=0,
            exception=RuntimeError(failure) if failure else None,
            context={},
        )

    return show
