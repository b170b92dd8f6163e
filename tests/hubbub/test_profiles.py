"""Profiles and objectives are files that are found by their names."""

import pytest

from hubbub import profiles
from hubbub.errors import ConfigError
from hubbub.profiles import load_profile, read_options, slo_texts

KNOWN = frozenset({"clients", "duration"})


def test_a_profile_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ConfigError, match=r"profile must be one of .*smoke.*, not 'smok'"):
        load_profile("smok", KNOWN)


def test_values_of_any_type_become_texts(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('clients = 5\nduration = "3s"\n')
    assert read_options(path, KNOWN) == {"clients": "5", "duration": "3s"}


@pytest.mark.parametrize(
    ("text", "sentence"), [("clientz = 5", "no key 'clientz'; the keys are clients, duration"), ("x =", "is not TOML")]
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
    with pytest.raises(ConfigError, match=r"one of mine, not 'yours'"):
        slo_texts("yours")
