"""Accounts: the logins that clients use.

Credentials come from options, a file or the environment only, and are never shown: an account's repr has no password.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from hubbub.errors import ConfigError


@dataclass(slots=True)
class Account:
    """A login, the conversations it is a member of, and who it is once it has logged in, with the token for that."""

    index: int
    email: str
    password: str = field(repr=False)
    conversations: list[int]
    user_id: int = 0
    token: str = field(default="", repr=False)


def read_accounts(path: str) -> list[tuple[str, str]]:
    """Credentials from a CSV file with the columns email,password. Raises ConfigError."""
    pairs = []
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                pairs.append(((row.get("email") or "").strip(), (row.get("password") or "").strip()))
    except (OSError, ValueError) as error:
        raise ConfigError(f"accounts: {path} cannot be read: {error}.") from error
    if not pairs or not all(email and password for email, password in pairs):
        raise ConfigError(f"accounts: {path} must be a CSV file with the columns email,password, both filled in.")
    return pairs
