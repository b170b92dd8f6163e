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

    def launch(options, workers, flags):
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
    assert given_options(arguments, {"HUBBUB_RUN_DIR": "out"}) == {
        "ca": str(tmp_path / "x.pem"),
        "run_dir": str(tmp_path / "out"),
    }
    with pytest.raises(ConfigError, match="without a value"):
        given_options(build_parser().parse_args(["perf-ws", "--ca", ""]), {})


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
