"""What all connections of a transport share."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hubbub.clock import Clock
from hubbub.transport.base import Dialling
from hubbub.transport.stamps import ReceiveStamps

BUFFER_BYTES = 256 * 1024


@dataclass(slots=True)
class Statistics:
    """What all connections of a transport have done so far."""

    connected: int = 0
    closed: int = 0
    reads: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    messages_written: int = 0
    protocol_errors: int = 0
    handler_errors: int = 0


class Shared:
    """What all connections of a transport share: read buffer, random masks, clock, receive stamps, counts."""

    def __init__(self, dialling: Dialling, seed: int, clock: Clock) -> None:
        self.dialling = dialling
        self.clock = clock
        self.stamps = ReceiveStamps(dialling.wants_stamps)
        self.buffer = bytearray(BUFFER_BYTES)
        self.view = memoryview(self.buffer)
        self.random = Random(seed)
        self.counted = Statistics()
        self.last_error = ""
