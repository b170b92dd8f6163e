"""When the kernel received what a read returned: SO_TIMESTAMPNS, mapped to the clock of the figures.

Our own process may read a frame long after it arrived, because its event loop stalled or another process had the core.
The kernel notes the time at which each packet came in (socket(7)), so that this lateness is known for every read.

Its stamps are times of CLOCK_REALTIME. Both clocks run at one rate (adjtimex(2) slews both), so their difference is
constant until the time is set. It is measured once a second, and where it has jumped, the stamps of the second
before and of the second after are worth nothing. The first sockets of a machine that ask for stamps get none for some
milliseconds, while the kernel switches the feature on; one socket is kept open so that it stays on for the whole run.
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from socket import AF_INET, SOCK_DGRAM, SOL_SOCKET
from typing import Any

from hubbub.transport.stream import Ancillary, raw_socket

SO_TIMESTAMPNS = 35
"""Linux, asm-generic/socket.h; the socket module does not have it. The stamp is a `struct timespec`."""

unpack_timespec = struct.Struct("@ll").unpack

JUMP_US = 100
BRACKETS = 5
"""How often the clocks are compared; the narrowest bracket counts, because the others were interrupted."""

ClockPair = Callable[[], tuple[int, int, int]]
"""CLOCK_MONOTONIC, CLOCK_REALTIME and CLOCK_MONOTONIC again, in nanoseconds, read one after another."""


def read_clocks() -> tuple[int, int, int]:
    """One bracket of the two clocks."""
    return time.monotonic_ns(), time.time_ns(), time.monotonic_ns()


class ReceiveStamps:
    """Asks the kernel for stamps, and knows what they mean. Call `are_steady` once a second, `close` at the end.

    `offset_us` is CLOCK_REALTIME less CLOCK_MONOTONIC; `bound_us` how far off the widest comparison may have been.
    """

    def __init__(self, is_wanted: bool, clocks: ClockPair = read_clocks) -> None:
        self._clocks = clocks
        self._keeper: Any = None
        self._was_steady = True
        self.bound_us = 0
        self.offset_us = self._measure()
        if is_wanted and sys.platform.startswith("linux"):
            self._keeper = raw_socket(AF_INET, SOCK_DGRAM)
            if not self._ask(self._keeper):
                self.close()

    @property
    def is_on(self) -> bool:
        """Whether sockets get stamps."""
        return self._keeper is not None

    def enable(self, connected: Any) -> None:
        """Ask for stamps on a socket. Without them its reads have none, which is no error."""
        if self.is_on:
            self._ask(connected)

    @staticmethod
    def _ask(asking: Any) -> bool:
        with suppress(OSError):
            asking.setsockopt(SOL_SOCKET, SO_TIMESTAMPNS, 1)
            return True
        return False

    def _measure(self) -> int:
        before, real, after = min((self._clocks() for _ in range(BRACKETS)), key=lambda found: found[2] - found[0])
        self.bound_us = max(self.bound_us, (after - before) // 2_000)
        return (real - (before + after) // 2) // 1_000

    def are_steady(self) -> bool:
        """Compare the clocks again: whether stamps since the last call can be believed.

        A stamp from before a jump may be read in the second after it, so that one is not believed either.
        """
        if not self.is_on:
            return True
        offset_us = self._measure()
        is_steady = abs(offset_us - self.offset_us) <= JUMP_US
        was_steady, self._was_steady = self._was_steady, is_steady
        self.offset_us = offset_us
        return is_steady and was_steady

    def arrived_us(self, ancillary: Ancillary, before_us: int, not_before_us: int) -> int:
        """When the last byte of a read arrived, at the earliest; the poller has this written out.

        `before_us` is when the read began. A later stamp cannot be one of the packet, and 0 is none: without a stamp
        the last time at which the socket was seen empty, `not_before_us`, is all that is known.
        """
        if ancillary:
            seconds, nanoseconds = unpack_timespec(ancillary[0][2])
            stamp_us: int = seconds * 1_000_000 + nanoseconds // 1_000 - self.offset_us
            if 0 < stamp_us <= before_us:
                return stamp_us
        return not_before_us

    def close(self) -> None:
        """Stop stamping. Idempotent."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None
