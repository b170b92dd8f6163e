"""What teams call our options already: names of environment variables beside ours, and the file `.env`.

`.env` of the working folder is read under the environment: what the environment has, it does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from hubbub.errors import ConfigError
from hubbub.options import OPTION

DOTENV = ".env"
MAX_DOTENV_BYTES = 1 << 20

SYNONYMS: dict[str, tuple[str, ...]] = {
    "clients": ("CLIENTS",),
    "duration": ("DURATION",),
    "max_conns_per_user": ("MAX_CONNS_PER_USER",),
    "spawn_rate": ("WORKER_START_STAGGER_SEC",),
    "host": ("PLAYWRIGHT_API_URL", "VITE_API_URL"),
    "account_email": ("PERF_WS_EMAIL", "PERF_EMAIL", "E2E_EMAIL"),
    "account_password": ("PERF_WS_PASSWORD", "PERF_PASSWORD", "E2E_PASSWORD"),
    "account_fallback_password": (*("PERF_WS_FALLBACK_PASSWORD", "PERF_FALLBACK_PASSWORD", "E2E_FALLBACK_PASSWORD"),),
}
"""By option. They stand behind the HUBBUB_ variable of the option."""

ORDERED = ("host", "account_email", "account_password", "account_fallback_password")
"""Names of other tools, which are set for those as well: the first that is set counts. All others have to agree."""


def environment_text(name: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """What the environment says of an option, as its own text, and the variable that says it; else two empty texts.

    Raises ConfigError where two of its variables say different things.
    """
    option = OPTION[name]
    said: list[tuple[str, str]] = []
    for variable in (option.environment_variable, *SYNONYMS.get(name, ())):
        text = option.cleaned(environment.get(variable, ""))
        if text and not option.is_secret:
            text = option.cleaned(_unquoted(text))
        if text:
            said.append((_CONVERTED.get(variable, _as_it_is)(text, variable), variable))
    for text, variable in said[1:] if name not in ORDERED else ():
        if text != said[0][0] and option.value(text) != option.value(said[0][0]):
            raise ConfigError(f"{said[0][1]} and {variable} are one thing, and differ: set one of them.")
    return said[0] if said else ("", "")


def _as_it_is(text: str, _variable: str) -> str:
    return text


def _unquoted(text: str) -> str:
    """Without the quotes around it, which some readers of such files leave there."""
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in ("'", '"')
    return text[1:-1] if is_quoted else text


def _rate(text: str, variable: str) -> str:
    """Seconds between two clients as clients per second."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ConfigError(f"{variable} must be seconds between two clients, not {text!r}.")
    return f"{1 / seconds:g}" if seconds else ""


def _origin(text: str, variable: str) -> str:
    """An API's address as its origin: the contract knows the path."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        shown = "another one with a user in it" if "@" in text else repr(text)
        raise ConfigError(f"{variable} must be an address such as http://localhost:8375/api, not {shown}.")
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


def _duration(text: str, _variable: str) -> str:
    """A bare number is seconds there."""
    return f"{text}s" if text.strip().replace(".", "", 1).isdecimal() else text


_CONVERTED: dict[str, Callable[[str, str], str]] = {
    "WORKER_START_STAGGER_SEC": _rate,
    "PLAYWRIGHT_API_URL": _origin,
    "VITE_API_URL": _origin,
    "DURATION": _duration,
}


def read_dotenv(folder: Path) -> dict[str, str]:
    """What the folder's `.env` says of our options. Raises ConfigError."""
    path = folder / DOTENV
    try:
        if not path.is_file():
            return {}
        if path.stat().st_size > MAX_DOTENV_BYTES:
            raise ConfigError(f"{path} must be a file of NAME=VALUE lines, and has more than 1 MiB.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    ours = {option.environment_variable for option in OPTION.values()}
    ours.update(variable for variables in SYNONYMS.values() for variable in variables)
    return {name: value for name, value in _parsed(text).items() if name in ours}


def _parsed(text: str) -> dict[str, str]:
    """NAME=VALUE lines, with or without `export`, quotes and a comment behind. Others are not ours to judge."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip()
        if value[:1] in ("'", '"') and value.find(value[0], 1) > 0:
            value = value[1 : value.find(value[0], 1)]
        else:
            value = value.partition(" #")[0].strip()
        found[name.strip()] = value
    return found
