"""A session that does not read for a while: what is late or lost on its connection then is our own doing."""

from __future__ import annotations

from typing import Protocol

from hubbub.client.context import WorkerContext
from hubbub.ledger import Receiver
from hubbub.transport.base import Connection


class Reading(Protocol):
    """What is needed of a session: see there."""

    context: WorkerContext
    receiver: Receiver | None

    @property
    def connection(self) -> Connection | None: ...


def pause_reading(session: Reading) -> None:
    """Be a slow reader: read nothing until `resume_reading`. What is late or lost here from now on is our doing."""
    if session.connection is not None and session.receiver is not None:
        session.receiver.stop_timing("a slow reader of our own: it stopped reading")
        session.context.presence.gone(session.receiver.connection.id)
        session.connection.pause_reading()


def resume_reading(session: Reading) -> None:
    """Read again, and at once what waits; idempotent."""
    if session.connection is not None:
        session.connection.resume_reading()


def doubt_unread(session: Reading) -> None:
    """The run is being decided: what has arrived here and was not read may be what seems to be lost."""
    if session.connection is not None and session.receiver is not None and session.connection.has_unread():
        session.receiver.doubt("not all that had arrived was read", session.context.now_us())
