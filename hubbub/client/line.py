"""One WebSocket connection with its dialogue: what that makes is sent, and what the backend asks for is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hubbub.client.context import WorkerContext
from hubbub.client.guard import GuardedDialogue
from hubbub.client.polling import PollingConnection
from hubbub.contracts import Frame, Opening
from hubbub.errors import BrokenContract, ConnectionClosed
from hubbub.ledger import Receiver
from hubbub.transport.base import Connection, OnClosed, websocket_origin

MAX_REPLIES = 16
"""To one unit of the backend: what asks for more answers is a loop."""


class Line:
    """Made for one connection: `open` it once. `connection` is None before that, and when it is over.

    `place` says which of several hosts it goes to.
    """

    __slots__ = ("__weakref__", "_context", "_place", "connection", "dialogue")

    def __init__(self, context: WorkerContext, opening: Opening, place: int = 0) -> None:
        self._context = context
        self._place = place
        self.dialogue = GuardedDialogue(context.contract, opening)
        self.connection: Connection | None = None

    def open(self, receiver: Receiver, on_closed: OnClosed) -> None:
        """Connect, and say what comes first. Raises ConnectError, ConnectionClosed and BrokenContract."""
        if self._context.contract.poll_s:
            self._poll(receiver, on_closed)
            return
        upgrade = self.dialogue.upgrade()
        url = websocket_origin(self._context.settings.chat_origin(self._place)) + upgrade.path
        self.connection = self._context.transport.connect(url, receiver, on_closed, upgrade.headers)
        self.send(self.dialogue.start())

    def _poll(self, receiver: Receiver, on_closed: OnClosed) -> None:
        context, place = self._context, self._place
        self.connection = connection = PollingConnection(
            *(context.scheduler, context.poll_at(place), self.dialogue, receiver, on_closed),
            lambda began_us, now_us: began_us + context.lateness.low_us(began_us, now_us),
            place,
        )
        connection.open()

    @property
    def is_open(self) -> bool:
        """Whether something would be sent: the end of a connection takes a while to be noticed."""
        return self.connection is not None and self.connection.is_open

    def send(self, frames: Sequence[Frame]) -> bool:
        """Whether the kernel took all of them at once. Raises ConnectionClosed."""
        is_taken = True
        for frame in frames:
            if self.connection is None:
                raise ConnectionClosed("the connection is closed")
            is_taken = self.connection.send(frame) and is_taken
        return is_taken

    def try_to_send(self, make: Callable[[GuardedDialogue], Sequence[Frame]], attempt: str) -> bool:
        """Whether there was something to send, and it was sent; else that is counted as a failed attempt."""
        try:
            frames = make(self.dialogue)
            self.send(frames)
        except (ConnectionClosed, BrokenContract) as error:
            self._context.failed(attempt, error)
            return False
        return bool(frames)

    def reply(self, frames: Sequence[Frame]) -> None:
        """Answer the backend at once. Called from the transport's reader: never waits."""
        for frame in frames[:MAX_REPLIES]:
            if self.connection is not None:
                self.connection.send_soon(frame)

    def beat(self) -> None:
        """Tell the backend that the connection lives, where it wants to be told. Never waits."""
        if self.is_open:
            try:
                self.reply(self.dialogue.heartbeat())
            except BrokenContract as error:
                self._context.failed("heartbeat", error)
