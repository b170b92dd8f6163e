"""The states of a connection, and what may follow each.

Neither side's close frame ends a connection: ours is answered, the peer's is followed by its FIN, and what arrives
between the two is of no use any more. A failure of the network ends it from every state.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """The life of a connection. `NEXT` says what may follow; everything else is ignored."""

    OPEN = "open"
    """Reads and sends."""
    PAUSED = "open, not reading"
    """Sends, and reads nothing, as a slow reader does."""
    CLOSING = "closing"
    """Our close frame is sent; reads on until the peer's own."""
    DISCARDING = "discarding input"
    """The peer's close frame was read, or a rule was broken: what still comes is thrown away until the peer's FIN."""
    OVER = "over"
    """The socket is closed, and the owner was told."""


NEXT: dict[State, set[State]] = {
    State.OPEN: {State.PAUSED, State.CLOSING, State.DISCARDING, State.OVER},
    State.PAUSED: {State.OPEN, State.CLOSING, State.DISCARDING, State.OVER},
    State.CLOSING: {State.DISCARDING, State.OVER},
    State.DISCARDING: {State.OVER},
    State.OVER: set(),
}
