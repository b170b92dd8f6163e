"""The files of conf/: profiles, which set options, and objectives. Each is found by its name."""

from __future__ import annotations

from pathlib import Path

from hubbub.errors import ConfigError
from hubbub.suite import CONF, check_keys, names_in, read_toml


def profile_names() -> list[str]:
    """The profiles that conf/profiles holds."""
    return list(names_in(CONF / "profiles", "*.toml"))


def load_profile(name: str, known: frozenset[str]) -> dict[str, str]:
    """The options that a profile of conf/profiles sets, as text; `known` are the names that it may set.

    Raises ConfigError.
    """
    if name not in profile_names():
        raise ConfigError(f"profile must be one of {', '.join(profile_names())}, not {name!r}.")
    return read_options(CONF / "profiles" / f"{name}.toml", known)


def read_options(path: Path, known: frozenset[str]) -> dict[str, str]:
    """Read a TOML file of options. Raises ConfigError for a bad file or a key that is not known."""
    values = read_toml(path)
    check_keys(values, known, path)
    return {name: str(value) for name, value in values.items()}


def slo_texts(given: str) -> list[str]:
    """The objectives that `--slo` asks for, as texts: those of a file of conf/slo, default or named, and then others.

    Raises ConfigError.
    """
    lines = [line.strip() for line in given.splitlines() if line.strip()]
    files = [line for line in lines if not any(sign in line for sign in "<=>")]
    texts: list[str] = []
    for name in files or ["default"]:
        names = names_in(CONF / "slo", "*.toml")
        if name not in names:
            raise ConfigError(
                f"slo must be an objective such as 'response.p95<300' or one of {', '.join(names)}, not {name!r}."
            )
        path = CONF / "slo" / f"{name}.toml"
        values = read_toml(path)
        check_keys(values, ("objectives",), path)
        texts += [str(text) for text in values.get("objectives", [])]
    return texts + [line for line in lines if line not in files]
