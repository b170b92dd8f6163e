"""Credentials are read from a file and never shown."""

import pytest

from hubbub.client.accounts import Account, read_accounts
from hubbub.errors import ConfigError


def test_a_password_is_never_shown():
    assert "hunter2" not in repr(Account(0, "a@x.y", "hunter2", [0]))


def test_accounts_files_need_both_columns_filled(tmp_path):
    good = tmp_path / "good.csv"
    good.write_text("email,password\na@x.y,p\n")
    assert read_accounts(str(good)) == [("a@x.y", "p")]
    bad = tmp_path / "bad.csv"
    bad.write_text("email\na@x.y\n")
    with pytest.raises(ConfigError, match="columns email,password"):
        read_accounts(str(bad))
