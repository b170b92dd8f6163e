"""Accounts: the logins that clients use.

Credentials come from options, a file or the environment only, and are never shown: an account's repr has no password,
and an error about a file says where in it, and not what.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubbub.contracts import Credentials, Id
from hubbub.errors import ConfigError

MAX_FILE_BYTES = 64 << 20
EMAIL = frozenset({"email", "e-mail", "mail", "email address", "e-mail address", "email_address"})
PASSWORD = frozenset({"password", "pass", "passwd", "pwd"})
"""What the two columns are called, in any case."""

DELIMITERS = (",", ";", "\t", "|")


@dataclass(slots=True)
class Account:
    """A login, the conversations it is a member of, and who it is once it has logged in, with the token for that.

    `columns` are further columns of the accounts' file, which a contract may use.
    """

    index: int
    email: str
    password: str = field(repr=False)
    conversations: list[int]
    user_id: Id = 0
    token: str = field(default="", repr=False)
    username: str = ""
    columns: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def credentials(self) -> Credentials:
        """What a contract logs it in with."""
        return Credentials(self.email, self.password, self.username, self.columns)


def read_accounts(path: str) -> list[Credentials]:
    """Credentials from a CSV file with the columns email and password, in any dialect, and further ones.

    Raises ConfigError.

    Spreadsheets write a byte order mark, semicolons, tabs and CRLF. Rows that are blank or begin with # are left out.
    """
    text = _text_of(path)
    if "\n" not in text:
        text = text.replace("\r", "\n")
    head = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    delimiter = next((each for each in DELIMITERS if _columns(_cells(head, each)) is not None), None)
    if delimiter is None:
        raise ConfigError(f"accounts: {path} must begin with the columns email,password; {_described(head)}.")
    reader = csv.reader(io.StringIO(text, newline=""), **_dialect(head, delimiter))
    found: dict[str, tuple[Credentials, int]] = {}
    columns: tuple[int, int] | None = None
    names: list[str] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row) or _is_comment(row, columns):
                continue
            if columns is None:
                columns = _columns(row)
                if columns is None:
                    raise ConfigError(f"accounts: {path}, line {reader.line_num}: a quote is open before the columns.")
                names = [cell.strip() for cell in row]
                continue
            email, password = _credentials(row, columns, f"accounts: {path}, line {reader.line_num}")
            if email in found:
                raise ConfigError(
                    f"accounts: {path}, line {reader.line_num}: {email} is in line {found[email][1]} already; "
                    "each account may be there once."
                )
            more = {name: cell for n, (name, cell) in enumerate(zip(names, row, strict=False)) if n not in columns}
            found[email] = Credentials(email, password, columns=more), reader.line_num
    except csv.Error as error:
        raise ConfigError(f"accounts: {path}, line {reader.line_num}: this is no CSV ({error}).") from error
    if not found:
        raise ConfigError(f"accounts: {path} has the columns email and password, and no account.")
    return [credentials for credentials, _ in found.values()]


def _is_comment(row: list[str], columns: tuple[int, int] | None) -> bool:
    """Whether a row begins with # and is no account: a password may begin so, too."""
    is_account = columns is not None and columns[0] < len(row) and "@" in row[columns[0]]
    return row[0].lstrip().startswith("#") and not is_account


def _text_of(path: str) -> str:
    try:
        if Path(path).stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"accounts: {path} must be a file of at most {MAX_FILE_BYTES >> 20} MiB.")
        data = Path(path).read_bytes()
        is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return data.decode("utf-16" if is_wide else "utf-8-sig")
    except OSError as error:
        raise ConfigError(f"accounts: {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"accounts: {path} must be text in UTF-8; byte {error.start} is none.") from error


def _dialect(head: str, delimiter: str) -> dict[str, Any]:
    """As the head is written: what follows its delimiter, and what its names are quoted with."""
    is_single = head.lstrip().startswith("'")
    return {
        "delimiter": delimiter,
        "quotechar": "'" if is_single else '"',
        "skipinitialspace": f"{delimiter} " in head,
        "strict": True,
    }


def _cells(head: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([head], **_dialect(head, delimiter)), [])
    except csv.Error:
        return []


def _columns(cells: list[str]) -> tuple[int, int] | None:
    """Which columns are the e-mail and the password; None where they are not both there, once each."""
    names = [cell.strip().lower() for cell in cells]
    emails = [place for place, name in enumerate(names) if name in EMAIL]
    passwords = [place for place, name in enumerate(names) if name in PASSWORD]
    return (emails[0], passwords[0]) if len(emails) == len(passwords) == 1 else None


def _described(head: str) -> str:
    """What stands where the names of the columns should, without showing what may be a password."""
    if not head:
        return "it is empty"
    delimiter = max(DELIMITERS, key=head.count)
    cells = [cell.strip() for cell in _cells(head, delimiter)]
    if any("@" in cell for cell in cells):
        kinds = ", ".join("an e-mail" if "@" in cell else "something else" for cell in cells)
        return f"it has no names of columns: its first line is {kinds}"
    known = [cell for cell in cells if cell.lower() in EMAIL | PASSWORD]
    return f"its first line has {len(cells)} columns, and of those names {', '.join(known) or 'none'}"


def _credentials(row: list[str], columns: tuple[int, int], where: str) -> tuple[str, str]:
    """The e-mail and the password of a row; a password is taken as it is."""
    values = []
    for place, name in zip(columns, ("email", "password"), strict=True):
        value = row[place] if place < len(row) else ""
        if not value.strip():
            raise ConfigError(f"{where}, column {place + 1}: the {name} is missing.")
        values.append(value)
    return values[0].strip(), values[1]
