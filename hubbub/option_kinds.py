"""The kinds of options: each turns the text that a user gave into a checked value.

A kind is a function of the text and of what its errors call the option. It raises ConfigError with one sentence.
"""

from __future__ import annotations

import re
import ssl
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubbub.clock import US_PER_SECOND, parse_duration_us
from hubbub.errors import ConfigError

Kind = Callable[[str, str], Any]

UNTIL_STOPPED = "until-stopped"
"""The duration of a run in the web UI that has none."""


def text(value: str, _name: str) -> str:
    """Any text."""
    return value


def on_off(value: str, name: str) -> bool:
    """A switch, or `on` and `off`; empty is off."""
    if value.lower() in ("1", "true", "yes", "on"):
        return True
    if value.lower() in ("0", "false", "no", "off", ""):
        return False
    raise ConfigError(f"{name} must be on or off, not {value!r}.")


def whole(minimum: int) -> Kind:
    """A whole number."""

    def parse(value: str, name: str) -> int:
        try:
            number = int(value)
        except ValueError as error:
            raise ConfigError(f"{name} must be a whole number of at least {minimum}, not {value!r}.") from error
        if number < minimum:
            raise ConfigError(f"{name} must be a whole number of at least {minimum}, not {number}.")
        return number

    return parse


_CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def is_class(value: str) -> bool:
    """Whether a text names a class as `package.module:Class`."""
    return _CLASS.fullmatch(value) is not None


MAX_ID = 1 << 63


def assignments(value: str, name: str) -> dict[str, bool | int | float | str]:
    """Lines of KEY=VALUE; a value is a number, true or false, or a text, as TOML has them."""
    found: dict[str, bool | int | float | str] = {}
    for line in filter(None, (line.strip() for line in value.split("\n"))):
        key, equals, text = (part.strip() for part in line.partition("="))
        if not equals or not key.replace("-", "_").isidentifier():
            raise ConfigError(f"{name} must be KEY=VALUE, such as echo=false, not {line!r}.")
        try:
            read: object = tomllib.loads(f"value = {text}")["value"]
        except ValueError:
            read = text
        found[key.replace("-", "_")] = read if isinstance(read, bool | int | float | str) else text
    return found


def backend_id(value: str, name: str) -> str | int:
    """What a backend calls something: a whole number above 0, or a text without blanks."""
    is_number = value.isascii() and value.isdecimal() and len(value) < len(str(MAX_ID)) and str(int(value)) == value
    if is_number and int(value) > 0:
        return int(value)
    if is_number or not value or any(letter.isspace() or not letter.isprintable() for letter in value):
        raise ConfigError(f"{name} must be a whole number of at least 1, or a name without blanks, not {value!r}.")
    return value


def size(value: str, name: str) -> tuple[int, int]:
    """A whole number, or two with a hyphen between them: the least and the most."""
    try:
        sizes = [int(each) for each in value.split("-")]
    except ValueError:
        sizes = []
    if not 1 <= len(sizes) <= 2 or not 0 < sizes[0] <= sizes[-1]:
        raise ConfigError(f"{name} must be a whole number above 0, or a range such as 100-9000, not {value!r}.")
    return sizes[0], sizes[-1]


def duration(minimum_us: int) -> Kind:
    """A time such as 200ms, 5s or 1m30s, in microseconds."""

    def parse(value: str, name: str) -> int:
        time_us = parse_duration_us(value, name)
        if time_us < minimum_us:
            raise ConfigError(f"{name} must be at least {minimum_us / 1_000:g} ms, not {value!r}.")
        return time_us

    return parse


def length_of_run(value: str, name: str) -> int | None:
    """A duration, or None for a run that goes on until it is stopped."""
    parsed: int | None = None if value == UNTIL_STOPPED else duration(1)(value, name)
    return parsed


def rate(value: str, name: str) -> float:
    """So many a second."""
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float("inf"):
        raise ConfigError(f"{name} must be a number above 0 (so many a second), not {value!r}.")
    return number


def limit(value: str, name: str) -> float | None:
    """So many in a time, such as 100/1m, as a rate per second; None for none."""
    if not value:
        return None
    count, slash, length = value.partition("/")
    if not slash or not count.strip().isdecimal() or not int(count):
        raise ConfigError(f"{name} must be a number in a time, such as 100/1m, not {value!r}.")
    length_us = parse_duration_us(length.strip(), name)
    if not length_us:
        raise ConfigError(f"{name} must be a number in a time above 0, such as 100/1m, not {value!r}.")
    return int(count) * US_PER_SECOND / length_us


SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


def origin(value: str, name: str) -> str:
    """Scheme, host and port, in one form; empty for none. What stands before an @ is never shown."""
    if not value:
        return ""
    text = value if "://" in value else f"//{value}"
    try:
        parts = urlsplit(text)
        scheme, host, port = SCHEMES.get(parts.scheme.lower(), ""), parts.hostname or "", parts.port
    except ValueError:
        scheme, host, port, parts = "", "", None, urlsplit("")
    if "@" in value:
        raise ConfigError(f"{name} must be an origin without a user and password: give accounts by --accounts.")
    is_bare = (
        ";" not in value and not parts.query and not parts.fragment and not any(letter.isspace() for letter in value)
    )
    if "," in host:
        raise ConfigError(f"{name} must be one origin.")
    if not scheme or not host or port == 0 or not is_bare:
        hint = f" (is it http://{value}?)" if host and not parts.scheme and is_bare else ""
        raise ConfigError(
            f"{name} must be an origin such as http://localhost:8375 or https://chat.example, not {value!r}{hint}."
        )
    address, _, zone = host.partition("%")
    shown = f"[{address}{'%25' if zone else ''}{zone.removeprefix('25')}]" if ":" in host else host
    return f"{scheme}://{shown}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def origins(value: str, name: str) -> str:
    """Several origins, with commas between them; empty for none."""
    return ",".join(origin(part.strip(), name) for part in value.split(",") if part.strip())


@dataclass(frozen=True)
class Resolve:
    """How names become addresses. `told` has those of `host:port` or `*:port`; `is_first`: one address of each name."""

    is_first: bool = False
    told: dict[str, list[str]] = field(default_factory=dict)

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses that were told of a name; none where the resolver is to be asked."""
        return self.told.get(f"{host.lower()}:{port}") or self.told.get(f"*:{port}") or []


_RESOLUTION = re.compile(r"\+?(\*|\[[^\]]+\]|[^:\[\]]+):(\d{1,5}):(.+)")


def resolutions(value: str, name: str) -> Resolve:
    """`all`, `first`, or lines HOST:PORT:ADDRESS[,ADDRESS...], as curl has them."""
    told: dict[str, list[str]] = {}
    is_first = False
    for line in filter(None, (line.strip() for line in value.split("\n"))):
        if line in ("all", "first"):
            is_first = line == "first"
            continue
        found = _RESOLUTION.fullmatch(line)
        texts = [text.strip() for text in found[3].split(",")] if found else []
        if found is None or not 0 < int(found[2]) < 1 << 16 or not all(map(_is_address, texts)):
            raise ConfigError(
                f"{name} must be all, first, or HOST:PORT:ADDRESS, such as chat.example:443:10.0.0.7, not {line!r}."
            )
        key = f"{found[1].strip('[]').lower()}:{int(found[2])}"
        if key in told:
            raise ConfigError(f"{name} must name each host and port once, and {key} is there twice.")
        told[key] = [text.strip("[]") for text in texts]
    return Resolve(is_first, told)


def _is_address(text: str) -> bool:
    bare = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    try:
        return bool(ip_address(bare.replace("%25", "%")))
    except ValueError:
        return False


def file(value: str, name: str) -> str:
    """A file that is there; empty for none."""
    if value and not Path(value).is_file():
        raise ConfigError(f"{name} must be a readable file; there is none at {value!r}.")
    return value


def authorities(value: str, name: str) -> str:
    """A PEM file with certificates; empty for none."""
    if file(value, name):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(f"{name} must be a PEM file with certificates; {value!r} has none.") from error
    return value


def check_certificate(cert: str, key: str) -> None:
    """Raise ConfigError unless a file holds a certificate, and it or another one the key that belongs to it."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key or None, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as error:
        what = f"{cert!r} is none"
        if "mismatch" in str(error).lower():
            what = "the key is that of another one"
        raise ConfigError(f"cert must be a PEM file with a certificate and its key, unencrypted: {what}.") from error


def pids(value: str, name: str) -> tuple[int, ...]:
    """Process ids of this machine, with commas between them."""
    found = tuple(whole(1)(part.strip(), name) for part in value.split(",") if part.strip())
    for pid in found:
        if not Path(f"/proc/{pid}").is_dir():
            raise ConfigError(f"{name} must be processes of this machine (Linux); there is no process {pid}.")
    return found


def mix(value: str, name: str) -> dict[str, float]:
    """User classes and their weights."""
    weights: dict[str, float] = {}
    for part in value.split(","):
        kind, _, weight = (each.strip() for each in part.partition("="))
        if kind in weights:
            raise ConfigError(f"{name} must name each user class once, and {kind} is there twice.")
        try:
            weights[kind] = float(weight or "1")
        except ValueError:
            weights[kind] = -1.0
    if not all(weights) or min(weights.values()) < 0 or not 0 < sum(weights.values()) < inf:
        raise ConfigError(f"{name} must be user classes with weights such as Chatter=8,Lurker=2, not {value!r}.")
    return {kind: weight for kind, weight in weights.items() if weight > 0}


TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Letters of a header's name (RFC 9110, 5.6.2)."""

OWN_HEADERS = frozenset(
    {
        *("connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-accept"),
        *("sec-websocket-extensions", "content-length", "transfer-encoding", "te", "trailer", "expect"),
    }
)
"""What the client says of itself: another one of these would be a request that no backend can read."""


def headers(value: str, name: str) -> dict[str, str]:
    """HTTP headers, one per line. One that is given several times has all its values (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in value.split("\n"))):
        header, colon, content = (part.strip() for part in line.partition(":"))
        if not colon:  # what stands there may be a secret
            raise ConfigError(f"{name} must be NAME:VALUE, such as Origin:https://chat.example; a line has no colon.")
        if not header or not set(header) <= TOKEN:
            raise ConfigError(f"{name} must be NAME:VALUE, such as Origin:https://chat.example, not {header!r}.")
        if header.lower() in OWN_HEADERS:
            raise ConfigError(f"{name} must not be {header}: the client sets it itself.")
        wrong = [letter for letter in dict.fromkeys(content) if not (" " <= letter <= "~" or letter == "\t")]
        if wrong:
            raise ConfigError(
                f"{name} must have visible ASCII letters only: the value of {header} has "
                f"{', '.join(map(repr, wrong[:5]))}."
            )
        known = spelling.setdefault(header.lower(), header)
        separator = "; " if known.lower() == "cookie" else ", "
        if known in found and known.lower() == "host":
            raise ConfigError(f"{name} must have one Host, and has several.")
        found[known] = f"{found[known]}{separator}{content}" if known in found else content
    return found


def tokens(value: str, name: str) -> str:
    """Names with commas between them, as a header has them."""
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(set(part) <= TOKEN for part in parts):
        raise ConfigError(f"{name} must be names with commas between them, such as v1.chat, not {value!r}.")
    return ", ".join(dict.fromkeys(parts))


_BYTES = re.compile(r"(\d{1,12})\s*(|k|ki|m|mi|g|gi)b?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1_000, "ki": 1 << 10, "m": 1_000_000, "mi": 1 << 20, "g": 1_000_000_000, "gi": 1 << 30}
MOST_BYTES = 1 << 30


def amount_of_bytes(value: str, name: str) -> int:
    """A number of bytes, such as 65536, 64KiB or 16MB."""
    found = _BYTES.fullmatch(value)
    number = int(found[1]) * _FACTORS[found[2].lower()] if found else 0
    if not 0 < number <= MOST_BYTES:
        raise ConfigError(f"{name} must be a number of bytes, such as 65536 or 16MiB, up to 1 GiB, not {value!r}.")
    return number


def optional(kind: Kind) -> Kind:
    """Another kind, or None for an empty text."""
    return lambda value, name: kind(value, name) if value else None
