"""The command line: what the user gave becomes texts for the process that makes the run."""

import pytest

from hubbub import cli
from hubbub.cli import build_parser, given_options, main
from hubbub.errors import ConfigError
from hubbub.options import OPTIONS


@pytest.fixture
def launched(monkeypatch):
    """What was launched, instead of launching it."""
    launches = []

    def launch(options, workers, flags, _sources):
        launches.append((options, workers, flags))
        return 7

    monkeypatch.setattr(cli, "launch", launch)
    for option in OPTIONS:
        monkeypatch.delenv(option.environment_variable, raising=False)
    return launches


def test_only_what_was_given_is_passed_on(launched):
    assert main(["perf-ws", "--clients", "5", "--canary"]) == 7
    expected = {"clients": "5", "canary": "true", "duration": "30s", "spawn_rate": "50"}
    assert launched == [(expected, 0, ["--headless"])]


def test_the_command_line_beats_the_environment_and_that_the_profile(launched, monkeypatch):
    monkeypatch.setenv("HUBBUB_CLIENTS", "6")
    monkeypatch.setenv("HUBBUB_SEED", "9")
    main(["perf-ws", "--clients", "5", "--profile", "smoke"])
    options, _, flags = launched[0]
    assert (options["clients"], options["seed"], options["run_profile"]) == ("5", "9", "smoke")
    assert flags == ["--profile", "smoke", "--headless"]


def test_a_swarm_has_two_workers_unless_it_is_told_otherwise(launched):
    main(["swarm"])
    main(["swarm", "--workers", "3"])
    main(["perf-ws", "--workers", "1"])
    assert [workers for _, workers, _ in launched] == [2, 3, 1]


def test_the_web_ui_has_no_duration_of_its_own(launched):
    main(["ui", "--web-port", "0"])
    options, _, flags = launched[0]
    assert "duration" not in options
    assert flags == ["--web-host", "127.0.0.1", "--web-port", "0"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["perf-ws", "--workers", "many"], "workers must be a whole number"),
        (["perf-ws", "--profile", "none"], "profile must be one of"),
        (["perf-ws", "--duration", "until-stopped"], "duration must be a time here"),
        (["perf-ws", "--host", ""], "host was given without a value"),
        (["ui", "--web-port", "99999999"], "web-port must be a free port"),
        (["ui", "--web-port", "http"], "web-port must be a free port"),
    ],
)
def test_what_cannot_be_launched_is_one_sentence_and_exit_code_2(launched, capsys, arguments, sentence):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"hubbub: {sentence}")
    assert not launched


def test_paths_are_those_of_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = build_parser().parse_args(["perf-ws", "--ca", "x.pem"])
    given, sources = given_options(arguments, {"HUBBUB_RUN_DIR": "out"}, {})
    assert given == {"ca": str(tmp_path / "x.pem"), "run_dir": str(tmp_path / "out")}
    assert sources == {"ca": "command line", "run_dir": "environment HUBBUB_RUN_DIR"}


def options_of(*arguments, environment=None, dotenv=None):
    parsed = build_parser().parse_args(["perf-ws", *arguments])
    return given_options(parsed, environment or {}, dotenv or {})


@pytest.mark.parametrize("text", ["", "  ", "\r"])
def test_an_option_without_a_value_is_refused(text):
    with pytest.raises(ConfigError, match="without a value"):
        options_of("--ca", text)


def test_who_set_an_option_is_known():
    given, sources = options_of("--seed", " 7 ", environment={"CLIENTS": "5"}, dotenv={"CLIENTS": "6", "DURATION": "4"})
    assert given == {"seed": "7", "clients": "5", "duration": "4s"}
    assert sources == {"seed": "command line", "clients": "environment CLIENTS", "duration": ".env DURATION"}


def test_what_means_several_may_be_repeated():
    headers, mix = ("--header", "A: 1", "--header", "B: 2"), ("--mix", "Chatter=1", "--mix", "Lurker=2")
    given, _ = options_of(*headers, *mix, "--canary", "--canary")
    assert given == {"header": "A: 1\nB: 2", "mix": "Chatter=1,Lurker=2", "canary": "true"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--clients", "4", "--clients", "5"), r"clients was given 2 times \(4, 5\): give it once\."),
        (("--profile", "smoke", "--run-profile", "medium"), r"run-profile was given 2 times \(smoke, medium\)"),
        (("--account-password", "a", "--account-password", "b"), r"account-password was given 2 times: give it once"),
    ],
)
def test_what_means_one_may_not_be_repeated(arguments, sentence):
    with pytest.raises(ConfigError, match=sentence):
        options_of(*arguments)


@pytest.mark.parametrize("command", ["options", "figures"])
def test_tables_are_printed(command, capsys):
    assert main([command]) == 0
    assert capsys.readouterr().out.startswith("| ")


def test_init_copies_a_suite_into_an_empty_folder(tmp_path, capsys):
    assert main(["init", str(tmp_path / "mine")]) == 0
    names = {path.name for path in (tmp_path / "mine").iterdir()}
    assert {"locustfile.py", "locust.conf", "users", "shapes", "conf", "docker-compose.yml", "Dockerfile"} <= names
    assert main(["init", str(tmp_path / "mine")]) == 2
    assert "empty or absent" in capsys.readouterr().err


def test_init_into_a_file_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file" / "x")]) == 2
    assert "cannot write to" in capsys.readouterr().err


def test_init_from_a_suite_without_containers_leaves_them_out(tmp_path, monkeypatch):
    own = tmp_path / "own"
    main(["init", str(own)])
    (own / "Dockerfile").unlink()
    monkeypatch.setattr(cli, "SUITE", own)
    assert main(["init", str(tmp_path / "other")]) == 0
    assert not (tmp_path / "other" / "Dockerfile").exists()
    assert (tmp_path / "other" / "locustfile.py").exists()


def test_a_profile_does_not_take_a_swarms_workers_away(launched, monkeypatch):
    monkeypatch.setattr(cli, "profile_options", lambda _name: {"workers": "0"})
    main(["swarm"])
    assert launched[0][1] == 2


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["pref-ws"], "'perf-ws'"), (["perf-ws", "--duratoin", "3s"], "'--duration'"), (["ui", "--hsot=x"], "'--host'")],
)
def test_a_misspelt_command_or_flag_is_named(arguments, meant, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert f"Did you mean {meant}?" in capsys.readouterr().err


def test_past_runs_are_listed(tmp_path, capsys):
    assert main(["runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"there are no runs in {tmp_path}\n"
    assert main(["runs", str(tmp_path / "absent")]) == 2
