"""Profiles and objectives are files that are found by their names."""

import pytest

from hubbub import profiles
from hubbub.errors import ConfigError
from hubbub.profiles import load_profile, read_options, slo_texts

KNOWN = {"clients": "", "duration": "", "header": "\n", "canary": ""}


def test_a_profile_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ConfigError, match=r"profile must be one of .*smoke.*, not 'smok'"):
        load_profile("smok", KNOWN)


def test_values_of_any_type_become_texts(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b'\xef\xbb\xbfclients = 5\r\nduration = "3s"\r\nheader = ["A: 1", "B: 2"]\r\ncanary = true\r\n')
    assert read_options(path, KNOWN) == {"clients": "5", "duration": "3s", "header": "A: 1\nB: 2", "canary": "true"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("clientz = 5", "no key 'clientz'; the keys are canary, clients, duration, header"),
        ("x =", "is not TOML"),
        ("clients = [4, 5]", "clients must be one value, not"),
        ("header = {A = 1}", "header must be a list or one value, not"),
        ("clients = 2026-01-01", "clients must be one value, not"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        read_options(path, KNOWN)


def test_objectives_add_to_the_default_file():
    assert slo_texts("response.p95 < 10") == [*slo_texts(""), "response.p95 < 10"]


def test_a_named_file_takes_the_place_of_the_default(tmp_path, monkeypatch):
    (tmp_path / "slo").mkdir()
    (tmp_path / "slo" / "mine.toml").write_text('objectives = ["deliveries.lost == 0"]')
    monkeypatch.setattr(profiles, "CONF", tmp_path)
    assert slo_texts("mine\nresponse.p50 < 5") == ["deliveries.lost == 0", "response.p50 < 5"]
    with pytest.raises(ConfigError, match=r"one of mine, or a file, not 'yours'"):
        slo_texts("yours")


def test_a_file_of_the_users_folder_or_its_path_will_do(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text("clients = 5")
    (tmp_path / "goals.toml").write_text('objectives = ["deliveries.lost == 0"]')
    monkeypatch.setenv("HUBBUB_WORKING_FOLDER", str(tmp_path))
    for name in ("mine", "mine.toml", str(tmp_path / "mine.toml")):
        assert load_profile(name, KNOWN) == {"clients": "5"}
    for name in ("goals", "./goals.toml", str(tmp_path / "goals.toml")):
        assert slo_texts(name) == ["deliveries.lost == 0"]


@pytest.mark.parametrize("text", ["\0", "x" * 5_000, "/", "~nobody/x", "~no-such-user"])
def test_what_is_no_files_name_is_one_sentence(text):
    with pytest.raises(ConfigError, match="profile must be one of"):
        load_profile(text, KNOWN)


def test_objectives_may_be_listed_with_commas():
    given = "response.p95 < 10, deliveries.lost == 0\ndefault"
    assert slo_texts(given) == [*slo_texts(""), "response.p95 < 10", "deliveries.lost == 0"]


def test_objectives_that_are_no_list_are_one_sentence(tmp_path):
    (tmp_path / "goals.toml").write_text('objectives = "deliveries.lost == 0"')
    with pytest.raises(ConfigError, match="objectives must be a list of texts"):
        slo_texts(str(tmp_path / "goals.toml"))
