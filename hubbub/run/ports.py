"""How many local ports there are for connections to one address of a backend: one for each, and some for HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hubbub.errors import RunError
from hubbub.transport.http import POOL_SIZE

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Linux; also for IPv6."""


def local_ports() -> int | None:
    """How many ports the kernel gives to connections from one local address; None where that is not known."""
    try:
        lowest, highest = map(int, PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        return None
    return highest - lowest + 1


def check_ports(clients: int, sources: int, ports: Callable[[], int | None] = local_ports) -> None:
    """Raise RunError where so many clients have no ports, from so many local addresses (0: one that the kernel takes).

    A worker alone is looked at: others of the same machine take from the same ports.
    """
    each = ports()
    needed = clients + min(POOL_SIZE, clients)
    there = each * max(1, sources) if each is not None else needed
    if needed > there:
        raise RunError(
            f"{clients} clients need {needed} local ports (one each, and some for HTTP), and there are {there}: "
            "connect from more addresses (--source-addresses), or widen net.ipv4.ip_local_port_range."
        )
