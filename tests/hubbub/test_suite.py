"""The suite is found where the user is, in the checkout, or in the package."""

import pytest

from hubbub import suite
from hubbub.errors import ConfigError
from hubbub.suite import environment_of_children, find_suite, names_in, read_toml


def make_suite(folder):
    (folder / "conf" / "contracts").mkdir(parents=True)
    (folder / "conf" / "contracts" / "mine.toml").touch()
    (folder / "locustfile.py").touch()
    (folder / "users").mkdir()
    (folder / "shapes").mkdir()
    return folder


def test_the_users_own_suite_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(make_suite(tmp_path))
    monkeypatch.delenv(suite.SUITE_VARIABLE, raising=False)
    assert find_suite() == tmp_path


def test_another_projects_locustfile_is_no_suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(suite.SUITE_VARIABLE, raising=False)
    (tmp_path / "locustfile.py").touch()
    assert find_suite() == suite.ROOT


def test_children_find_what_we_found(tmp_path, monkeypatch):
    make_suite(tmp_path)
    monkeypatch.setenv(suite.SUITE_VARIABLE, str(tmp_path))
    assert find_suite() == tmp_path
    environment = environment_of_children(MORE="1")
    assert environment[suite.SUITE_VARIABLE] == str(suite.SUITE)
    assert environment["PYTHONPATH"].startswith(str(suite.ROOT))
    assert environment["MORE"] == "1"


def test_files_with_an_underscore_are_no_part(tmp_path):
    for name in ("b.py", "a.py", "_hidden.py", "c.txt"):
        (tmp_path / name).touch()
    assert names_in(tmp_path, "*.py") == ("a", "b")


def test_hyphens_and_underscores_are_alike_in_keys(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("spawn-rate = 5\nmessage_size = 90")
    assert read_toml(path) == {"spawn_rate": 5, "message_size": 90}
    path.write_text("spawn-rate = 5\nspawn_rate = 6")
    with pytest.raises(ConfigError, match="spawn_rate and spawn-rate are one key"):
        read_toml(path)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_toml(tmp_path / "none.toml")
