"""Profiles, which set options, and objectives: files of conf/, each found by its name, or the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubbub.errors import ConfigError
from hubbub.spelling import did_you_mean
from hubbub.suite import CONF, check_keys, find_file, names_in, read_toml


def profile_names() -> list[str]:
    """The profiles that conf/profiles holds."""
    return list(names_in(CONF / "profiles", "*.toml"))


def load_profile(name: str, known: Mapping[str, str]) -> dict[str, str]:
    """The options that a profile sets, as text: one of conf/profiles, or a file of the user's.

    `known` are the names that it may set, each with what joins the parts of one that means several. Raises ConfigError.
    """
    path = find_file(CONF / "profiles", name)
    if path is None:
        raise ConfigError(
            f"profile must be one of {', '.join(profile_names())}, or a file, not {name!r}."
            f"{did_you_mean(name, profile_names())}"
        )
    return read_options(path, known)


def read_options(path: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Read a TOML file of options. Raises ConfigError for a bad file, and a key or a value that is not known."""
    values = read_toml(path)
    check_keys(values, known, path)
    return {name: _text(value, known[name], f"{path.name}: {name}") for name, value in values.items()}


def _text(value: Any, joins: str, name: str) -> str:
    """A value of a profile as one would type it."""
    if isinstance(value, list) and joins:
        return joins.join(_text(each, "", name) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ConfigError(f"{name} must be {'a list or ' if joins else ''}one value, not {value!r}.")


SIGNS = "<=>"
"""What an objective has, and the name of a file has not."""


def slo_texts(given: str) -> list[str]:
    """The objectives that `--slo` asks for, as texts: those of a file, default or named, and then others.

    Raises ConfigError.
    """
    lines = [line.strip() for line in given.splitlines() if line.strip()]
    parts = [part.strip() for line in lines for part in (line.split(",") if _is_objective(line) else [line])]
    files = [part for part in parts if not _is_objective(part)]
    texts: list[str] = []
    for name in files or ["default"]:
        path = find_file(CONF / "slo", name)
        if path is None:
            names = ", ".join(names_in(CONF / "slo", "*.toml"))
            raise ConfigError(
                f"slo must be an objective such as 'response.p95 < 300', one of {names}, or a file, not {name!r}."
            )
        values = read_toml(path)
        check_keys(values, ("objectives",), path)
        objectives = values.get("objectives", [])
        if not isinstance(objectives, list):
            raise ConfigError(f"{path.name}: objectives must be a list of texts, not {objectives!r}.")
        texts += [str(text) for text in objectives]
    return texts + [part for part in parts if _is_objective(part)]


def _is_objective(text: str) -> bool:
    return any(sign in text for sign in SIGNS)
