"""Options are resolved in one place, and every bad one gets one sentence."""

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from hubbub import profiles
from hubbub.contracts import load_contract
from hubbub.errors import ConfigError
from hubbub.options import NAMES, OPTIONS, Settings, defaults, resolve
from hubbub.profiles import load_profile, profile_names, slo_texts
from hubbub.report import parse_objectives
from hubbub.serialization import from_plain, to_plain
from hubbub.transport.sources import parse_sources
from tests.effort import IS_DEEP


def test_every_profile_parses():
    assert set(profile_names()) == {"smoke", "low", "medium", "high", "extreme", "insane", "soak"}
    for name in profile_names():
        assert resolve({"run_profile": name}).profile == name


def test_given_beats_profile_beats_default():
    assert resolve({}).clients == 120
    assert resolve({"run_profile": "smoke"}).clients == 12
    assert resolve({"run_profile": "smoke", "clients": "7"}).clients == 7


def test_conversations_default_to_one_per_worker_and_at_least_one():
    assert resolve({}).conversations == 1
    assert resolve({"workers": "3"}).conversations == 3
    assert resolve({}, workers=2).conversations == 2


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"clients": "0"}, "clients must be a whole number of at least 1, not 0"),
        ({"clients": "-1"}, "clients must be a whole number of at least 1, not -1"),
        ({"clients": "abc"}, "clients must be a whole number of at least 1, not 'abc'"),
        ({"duration": "0"}, "duration must be at least"),
        ({"duration": "5x"}, "duration must be a duration such as"),
        ({"max_conns_per_user": "0"}, "max-conns-per-user must be"),
        ({"conversations": "0"}, "conversations must be"),
        ({"conversations": "121"}, "conversations must be at most the number of clients"),
        ({"conversations": "1", "workers": "2"}, "conversations must be at least the number of workers"),
        ({"message_interval": "0"}, "message-interval must be at least"),
        ({"workers": "-1"}, "workers must be"),
        ({"host": "localhost:8375"}, "host must be an origin"),
        ({"host": "http://"}, "host must be an origin"),
        ({"host": "http://h:99999"}, "host must be an origin"),
        ({"run_profile": "nope"}, "profile must be one of"),
        ({"shape": "nope"}, "shape must be one of"),
        ({"contract": "nope"}, "contract must be one of"),
        ({"mix": "Chatter=x"}, "mix must be"),
        ({"header": "Origin"}, "header must be NAME:VALUE"),
        ({"warmup": "30s"}, "warmup must be shorter"),
        ({"account_email": "a@b.c"}, "go together"),
        ({"accounts": "/no/such/file"}, "accounts must be a readable file"),
        ({"spawn_rate": "nan"}, "spawn-rate must be"),
        ({"shape": "ramp", "duration": "until-stopped"}, "needs a duration"),
    ],
)
def test_bad_options_get_one_sentence(given, sentence):
    with pytest.raises(ConfigError, match=sentence):
        resolve(given)


def test_a_profile_with_an_unknown_key_is_refused(tmp_path, monkeypatch):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "odd.toml").write_text("clientz = 5\n")
    monkeypatch.setattr(profiles, "CONF", tmp_path)
    with pytest.raises(ConfigError, match="no key 'clientz'"):
        load_profile("odd", NAMES)


def test_settings_travel_as_serialization():
    settings = resolve({"header": "Origin:https://chat.example", "mix": "Chatter=8,Lurker=2"})
    assert from_plain(Settings, to_plain(settings)) == settings


def test_secrets_are_masked():
    given = {"account_email": "a@b.c", "account_password": "hunter2", "header": "Authorization:Bearer x\nOrigin:y"}
    shown = str(resolve(given).masked())
    assert "hunter2" not in shown
    assert "Bearer" not in shown


def test_every_option_has_a_default_that_resolves():
    assert set(defaults()) == {option.name for option in OPTIONS}
    resolve(defaults())


def test_clients_start_no_faster_than_the_backend_allows():
    assert resolve({"request_limit": "90/1m"}).spawn_rate == 0.5
    assert resolve({"request_limit": "90/1m", "spawn_rate": "0.1"}).spawn_rate == 0.1
    assert resolve({}).spawn_rate == 50


PRINTABLE = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\r\t"), max_size=40)
PIECES = st.sampled_from(
    [
        "1",
        "0",
        "-1",
        "5s",
        "1ms",
        "http://",
        "localhost",
        ":8375",
        "@",
        "Chatter",
        "=",
        ",",
        "<",
        "%",
        "/",
        "..",
        "1e9",
        "é",
    ]
)


@example_settings(max_examples=2_000 if IS_DEEP else 300, deadline=None)
@given(st.sampled_from([option.name for option in OPTIONS]), PRINTABLE | st.lists(PIECES, max_size=6).map("".join))
def test_any_text_in_any_option_is_taken_or_one_sentence(name, text):
    """What is looked at before a run begins, too: objectives, addresses, the contract."""
    try:
        found = resolve({"duration": "5s"} | {name: text})
        parse_objectives(slo_texts(found.slo))
        parse_sources(found.source_addresses)
        load_contract(found.contract, found.delivery_type)
    except ConfigError as error:
        assert str(error).endswith((".", ")"))
        assert "\n" not in str(error)


def test_settings_of_a_contract_that_are_secrets_are_masked():
    settings = resolve({"contract_set": "passcode=hunter2\nlogin=guest"})
    assert settings.masked()["contract_settings"] == {"passcode": "***", "login": "guest"}
