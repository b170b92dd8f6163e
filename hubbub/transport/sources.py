"""Local addresses to connect from: each has its own ports, 28,232 by default, for one address of the backend."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from hubbub.errors import ConfigError

MAX_ADDRESSES = 4096


def parse_sources(text: str) -> tuple[str, ...]:
    """Local addresses from `127.0.0.2-127.0.0.9` or a comma-separated list. Raises ConfigError."""
    sources: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, _, last = part.partition("-")
        try:
            lowest, highest = ipaddress.ip_address(first), ipaddress.ip_address(last or first)
        except ValueError as error:
            raise ConfigError(f"source-addresses must be like 127.0.0.2-127.0.0.9, not {text!r}.") from error
        kind, low, high = type(lowest), int(lowest), int(highest)
        if type(highest) is not kind or not 0 <= high - low < MAX_ADDRESSES:
            raise ConfigError(f"source-addresses must be a range of at most {MAX_ADDRESSES} addresses, not {part!r}.")
        sources += [str(kind(number)) for number in range(low, high + 1)]
    if len({":" in source for source in sources}) > 1:
        raise ConfigError(f"source-addresses must be all IPv4 or all IPv6, not {text!r}.")
    return tuple(sources)


def check_sources(sources: Sequence[str]) -> None:
    """Raise ConfigError for an address that is not this machine's."""
    for source in sources:
        with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET) as probe:
            try:
                probe.bind((source, 0))
            except OSError as error:
                raise ConfigError(f"source-addresses must be addresses of this machine; {source} is none.") from error
