"""Our options in Locust's command line: each has one value, from the strongest source that gives it."""

import os
import sys

import configargparse
import pytest

from hubbub.bridge import options as module
from hubbub.bridge.options import fail, own_options, profile_in, register, settings_of, take_over, texts_of
from hubbub.errors import ConfigError
from hubbub.options import OPTIONS


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for option in OPTIONS:
        monkeypatch.delenv(option.environment_variable, raising=False)


@pytest.fixture
def parse(monkeypatch, tmp_path):
    """Parse a command line like Locust's, with a locust.conf that sets the spawn rate."""
    path = tmp_path / "locust.conf"
    path.write_text("spawn-rate = 77\n")

    def parse(*arguments, shapes=()):
        monkeypatch.setattr(sys, "argv", ["locust", *arguments])
        parser = configargparse.ArgumentParser(default_config_files=[str(path)])
        parser.add_argument("-u", "--users", type=int, dest="num_users", env_var="LOCUST_USERS")
        parser.add_argument("-r", "--spawn-rate", type=float, env_var="LOCUST_SPAWN_RATE")
        parser.add_argument("-H", "--host", env_var="LOCUST_HOST")
        parser.add_argument("-t", "--run-time", type=int)
        register(parser, shapes)
        options = parser.parse_args(list(arguments))
        take_over(options)
        return options

    return parse


def settings(options, workers=0, shapes=()):
    return settings_of(options, workers, shapes)


def test_defaults_are_ours_and_the_file_is_for_plain_locust(parse):
    found = settings(parse())
    assert (found.clients, found.spawn_rate, found.duration_us) == (120, 77.0, None)


def test_a_profile_beats_the_file(parse):
    assert settings(parse("--run-profile", "smoke")).clients == 12
    assert settings(parse("--run-profile", "smoke")).spawn_rate != 77.0


def test_locusts_flag_beats_our_variable_beats_the_profile(parse, monkeypatch):
    monkeypatch.setenv("HUBBUB_CLIENTS", "5")
    monkeypatch.setenv("HUBBUB_SPAWN_RATE", "9")
    monkeypatch.setenv("HUBBUB_HOST", "http://variable")
    found = settings(parse("--run-profile", "smoke"))
    assert (found.clients, found.spawn_rate, found.host) == (5, 9.0, "http://variable")
    found = settings(parse("-u", "6", "-r", "3", "-H", "http://flag"))
    assert (found.clients, found.spawn_rate, found.host) == (6, 3.0, "http://flag")


def test_locusts_own_variable_beats_ours(parse, monkeypatch):
    monkeypatch.setenv("LOCUST_USERS", "4")
    monkeypatch.setenv("HUBBUB_CLIENTS", "5")
    assert settings(parse()).clients == 4


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("HUBBUB_CLIENTS", "many", "clients must be a whole number of at least 1, not 'many'"),
        ("HUBBUB_SPAWN_RATE", "fast", "spawn-rate must be a number above 0"),
        ("HUBBUB_HOST", "chat.example", "host must be an origin"),
        ("HUBBUB_CONTRACT", "none", "contract must be one of"),
    ],
)
def test_a_bad_value_gets_our_sentence_wherever_it_comes_from(parse, monkeypatch, name, text, sentence):
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigError, match=sentence):
        settings(parse())


def test_locusts_run_time_is_our_duration(parse):
    options = parse("-t", "90")
    assert settings(options).duration_us == 90_000_000
    assert options.run_time is None


def test_a_shape_of_the_locustfile_can_be_named(parse):
    options = parse("--shape", "twice", "--duration", "5s", shapes=("twice",))
    assert settings(options, shapes=("twice",)).shape == "twice"
    with pytest.raises(ConfigError, match=r"shape must be one of none, .*, not 'twice'"):
        settings(options)


def test_switches_are_on_or_off(parse):
    assert settings(parse("--canary")).canary
    assert not settings(parse()).canary


def test_conversations_follow_the_workers(parse):
    assert settings(parse(), workers=3).conversations == 3


def test_secrets_and_paths_are_in_no_form(parse):
    hidden = {option.name for option in own_options() if not option.is_form_field}
    assert {"account_password", "ca", "accounts", "run_dir"} <= hidden
    assert "workers" not in {option.name for option in own_options()}
    assert texts_of(parse())["clients"] == "120"


def test_an_unknown_profile_ends_the_process_with_2(parse, capsys):
    with pytest.raises(SystemExit) as caught:
        parse("--run-profile", "none")
    assert caught.value.code == 2
    assert "profile must be one of" in capsys.readouterr().err


def test_an_error_is_one_line(capsys):
    with pytest.raises(SystemExit):
        fail(ConfigError("no."))
    assert capsys.readouterr().err == "hubbub: no.\n"


def test_the_profile_is_found_before_the_rest(monkeypatch):
    monkeypatch.setitem(os.environ, "HUBBUB_RUN_PROFILE", "low")
    assert profile_in(["-u", "5"]) == "low"
    assert profile_in(["--run-profile", "high", "--what"]) == "high"
    assert module.UNTIL_STOPPED == "until-stopped"


@pytest.mark.parametrize("arguments", [("-u100",), ("--user", "100"), ("--users=100",)])
def test_every_spelling_of_locusts_flag_beats_a_profile(parse, arguments):
    assert settings(parse(*arguments, "--run-profile", "smoke")).clients == 100


def test_no_users_at_all_is_refused_and_not_the_default(parse):
    with pytest.raises(ConfigError, match="clients must be a whole number of at least 1, not 0"):
        settings(parse("-u", "0"))


def test_two_names_of_one_thing_must_agree(parse):
    assert settings(parse("-t", "90", "--duration", "1m30s")).duration_us == 90_000_000
    with pytest.raises(ConfigError, match=r"run-time \(90s\) and duration \(5s\) are one thing: give one of them"):
        parse("-t", "90", "--duration", "5s")


def test_locusts_flag_beats_our_variable_for_the_duration(parse, monkeypatch):
    monkeypatch.setenv("HUBBUB_DURATION", "5s")
    assert settings(parse("-t", "90")).duration_us == 90_000_000


def test_a_repeated_flag_is_joined_where_it_means_several(parse, capsys):
    found = settings(parse("--header", "A: 1", "--header", "B: 2", "--slo", "a < 1", "--slo", "b < 2"))
    assert found.headers == {"A": "1", "B": "2"}
    assert found.slo == "a < 1\nb < 2"
    with pytest.raises(SystemExit) as caught:
        parse("--seed", "1", "--seed", "2")
    assert caught.value.code == 2
    assert capsys.readouterr().err == "hubbub: seed was given 2 times (1, 2): give it once.\n"


def test_who_set_an_option_is_known(parse, monkeypatch):
    monkeypatch.setenv("HUBBUB_SEED", "7")
    monkeypatch.setenv("LOCUST_USERS", "4")
    found = settings(parse("-H", "http://flag", "--header", "A: 1", "--run-profile", "smoke", "--canary")).sources
    assert {name: found[name] for name in ("seed", "clients", "host", "header", "canary")} == {
        "seed": "environment HUBBUB_SEED",
        "clients": "environment LOCUST_USERS",
        "host": "command line",
        "header": "command line",
        "canary": "command line",
    }
    assert found["duration"] == "profile smoke"
    assert "insecure" not in found


def test_what_the_launcher_was_given_is_passed_on(parse, monkeypatch):
    monkeypatch.setenv("HUBBUB_SOURCES", '{"seed": "command line"}')
    assert settings(parse()).sources == {"seed": "command line"}


@pytest.mark.parametrize(("home", "is_there"), [("/home/ada", True), ("", False)])
def test_the_home_folder_is_given_back(monkeypatch, home, is_there):
    monkeypatch.setenv("HOME", "/suite")
    monkeypatch.setenv("HUBBUB_HOME", home)
    module.give_home_back()
    assert os.environ.get("HOME") == (home if is_there else None)
    assert "HUBBUB_HOME" not in os.environ


def test_a_switch_of_a_profile_may_be_written_in_any_way(parse, tmp_path):
    for text in ('canary = "on"', "canary = 1", "canary = true"):
        (tmp_path / "ours.toml").write_text(text)
        assert settings(parse("--run-profile", str(tmp_path / "ours.toml"))).canary
