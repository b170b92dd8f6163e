"""What the kernel's receive stamp costs a read.

    python -m bench.stamps

Reads of 200 TCP connections on loopback, a frame of 130 bytes each, on one core: once with `recv_into`, and once as the
poller does it, with `recvmsg_into` and the stamp mapped to the clock of the figures. CPU time of the reads alone, in
turns, so that a drift of the machine meets both. The median of the rounds goes to bench/results.json.
"""

from __future__ import annotations

import os
import socket
import statistics
import time

from bench.compare import GENERATOR_CORE, keep
from hubbub.transport.stamps import ReceiveStamps, unpack_timespec
from hubbub.transport.stream import ANCILLARY_BYTES

CONNECTIONS, ROUNDS = 200, 300
FRAME = b"x" * 130
LIMIT_US = 1.5


def pair(stamps: ReceiveStamps | None) -> tuple[socket.socket, socket.socket]:
    """A connection with stamps, or without: the reading and the writing end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        writing = socket.create_connection(listening.getsockname())
        reading, _ = listening.accept()
    if stamps is not None:
        stamps.enable(reading)
    reading.setblocking(False)
    return reading, writing


def plain_us(pairs: list[tuple[socket.socket, socket.socket]], buffer: bytearray) -> float:
    """CPU microseconds of a read with `recv_into`."""
    for _, writing in pairs:
        writing.send(FRAME)
    began_ns = time.thread_time_ns()
    for reading, _ in pairs:
        reading.recv_into(buffer)
    return (time.thread_time_ns() - began_ns) / 1_000 / len(pairs)


def stamped_us(pairs: list[tuple[socket.socket, socket.socket]], buffer: bytearray, offset_us: int) -> float:
    """CPU microseconds of a read with `recvmsg_into` and its stamp."""
    buffers, clock = [buffer], time.monotonic_ns
    for _, writing in pairs:
        writing.send(FRAME)
    began_ns = time.thread_time_ns()
    for reading, _ in pairs:
        before_us = clock() // 1_000
        _, ancillary, _, _ = reading.recvmsg_into(buffers, ANCILLARY_BYTES)
        seconds, nanoseconds = unpack_timespec(ancillary[0][2])
        stamp_us = seconds * 1_000_000 + nanoseconds // 1_000 - offset_us
        if not 0 < stamp_us <= before_us:
            raise RuntimeError("a stamp is missing")
    return (time.thread_time_ns() - began_ns) / 1_000 / len(pairs)


def main() -> None:
    os.sched_setaffinity(0, {int(GENERATOR_CORE)})
    stamps = ReceiveStamps(is_wanted=True)
    time.sleep(0.1)  # the first stamped sockets of a machine get no stamps
    without = [pair(None) for _ in range(CONNECTIONS)]
    with_stamps = [pair(stamps) for _ in range(CONNECTIONS)]
    buffer = bytearray(256 * 1024)
    figures: dict[str, list[float]] = {"plain": [], "stamped": []}
    for _ in range(ROUNDS):
        figures["plain"].append(plain_us(without, buffer))
        figures["stamped"].append(stamped_us(with_stamps, buffer, stamps.offset_us))
    found = {name: round(statistics.median(values), 3) for name, values in figures.items()}
    found["cost_us"] = round(found["stamped"] - found["plain"], 3)
    print(f"a read costs {found['plain']} us, with its stamp {found['stamped']} us: {found['cost_us']} us more")
    keep("stamps", found | {"limit_us": LIMIT_US})


if __name__ == "__main__":
    main()
