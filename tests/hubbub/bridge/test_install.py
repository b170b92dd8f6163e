"""A locustfile calls `install`, and the process becomes a run."""

import argparse

import pytest

from hubbub.bridge import install as module
from hubbub.bridge.install import Installation
from hubbub.errors import ConfigError
from hubbub.options import OPTION, defaults
from hubbub.pacing.curve import join_stages
from users.chatter import Chatter


def twice(peak, duration_us):
    return join_stages("twice", duration_us, [(0.5, 0.5, 0.5), (1, 1, 1)], peak)


@pytest.fixture
def installation(environment, monkeypatch):
    """An installation in a process that runs alone; its backend is said to answer."""
    texts = defaults() | {"duration": "5s", "clients": "4", "host": "http://memory"}
    parsed = environment.parsed_options
    for name, text in texts.items():
        if OPTION[name].is_switch:
            setattr(parsed, name, False)
        elif not OPTION[name].locust_flag:
            setattr(parsed, name, text)
    parsed.num_users, parsed.spawn_rate, parsed.host = 4, 50.0, "http://memory"
    environment.host = parsed.host
    monkeypatch.setattr(module, "check_possible", lambda *_: None)
    return Installation({"twice": twice}, environment)


def test_the_mix_is_what_locust_spawns(installation, environment):
    environment.parsed_options.mix = "Lurker=3,Chatter=1"
    installation.prepare()
    assert [(kind.__name__, kind.weight) for kind in environment.user_classes] == [("Lurker", 3.0), ("Chatter", 1.0)]
    assert installation.settings(0).mix == {"Lurker": 3.0, "Chatter": 1.0}


def test_a_class_that_is_not_there_is_one_sentence(installation, environment):
    environment.parsed_options.mix = "Nobody=1"
    with pytest.raises(ConfigError, match="there is no user class 'Nobody'; there are Chatter, Lurker"):
        installation.prepare()


def test_classes_that_locust_was_given_are_what_runs(installation, environment):
    environment.parsed_options.user_classes = ["Chatter"]
    environment.user_classes[:] = [Chatter]
    installation.prepare()
    assert installation.settings(0).mix == {"Chatter": 1.0}


def test_a_shape_of_the_locustfile_is_followed(installation, environment, capsys):
    environment.parsed_options.shape = "twice"
    installation.prepare()
    assert environment.shape_class.tick is not None
    assert "shape twice" in capsys.readouterr().err
    environment.parsed_options.shape = "none"
    installation.prepare()
    assert environment.shape_class is None


def test_a_shape_may_be_a_file_of_ones_own(installation, environment, tmp_path, monkeypatch, capsys):
    (tmp_path / "stairs.py").write_text(
        "from hubbub import join_stages\n"
        "def stairs(peak, duration_us):\n"
        "    return join_stages('stairs', duration_us, [(1, 1, 1)], peak)\n"
    )
    monkeypatch.chdir(tmp_path)
    for named in ("stairs", "stairs.py", str(tmp_path / "stairs.py")):
        environment.parsed_options.shape = named
        installation.prepare()
        assert "shape stairs" in capsys.readouterr().err


def test_a_shape_that_only_the_folder_knows_is_refused(installation, environment):
    environment.parsed_options.shape = "ramp"
    with pytest.raises(ConfigError, match="shape must be one of none, twice, or a file, not 'ramp'"):
        installation.prepare()


def test_values_are_checked_once_and_given_to_locust(installation, environment):
    environment.parsed_options.num_users, environment.parsed_options.spawn_rate = "7", "20"
    installation.prepare()
    assert (environment.parsed_options.num_users, environment.parsed_options.spawn_rate) == (7, 20.0)


def test_alone_this_process_is_the_only_worker(installation, environment):
    workers = installation._connect_workers()
    assert workers.present() == [module.LOCAL_WORKER]
    assert environment.hubbub_inbox is not None
    assert installation._workers_expected() == 0


def test_without_a_host_the_embedded_backend_is_the_host(installation, environment, monkeypatch, capsys):
    started = argparse.Namespace(origin="http://127.0.0.1:9", pid=1, stop=lambda: None)
    monkeypatch.setattr(module, "EmbeddedBackend", lambda cap, _most: started if cap == 12 else None)
    assert installation._start_backend() is started
    assert environment.host == environment.parsed_options.host == "http://127.0.0.1:9"
    assert environment.parsed_options.backend_pid == "1"
    assert "the embedded backend runs on" in capsys.readouterr().err


def test_what_cannot_be_run_ends_the_process_with_2(installation, environment, monkeypatch):
    monkeypatch.setattr(module.options, "take_over", lambda _options: None)
    environment.parsed_options.mix = "Nobody=1"
    with pytest.raises(SystemExit) as caught:
        installation.set_up()
    assert caught.value.code == 2


def test_install_listens_for_the_parser_and_for_the_start(monkeypatch):
    listeners = []
    for name in ("init_command_line_parser", "init"):
        monkeypatch.setattr(getattr(module.events, name), "add_listener", listeners.append)
    module.install()
    assert len(listeners) == 2
