"""What of Locust's own a run cannot do is refused with one sentence."""

import logging

import pytest
from locust import LoadTestShape, User, task

from hubbub.bridge.flags import check_flags, keep_quiet_about_run_time
from hubbub.errors import ConfigError
from users.chatter import Chatter


def test_a_plain_command_line_is_fine(environment):
    check_flags(environment)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("tags", ["x"], "tags are not supported"),
        ("exclude_tags", ["x"], "tags are not supported"),
        ("exit_code_on_error", 5, "exit-code-on-error is not supported"),
    ],
)
def test_flags_that_would_be_ignored(environment, name, value, sentence):
    setattr(environment.parsed_options, name, value)
    with pytest.raises(ConfigError, match=sentence):
        check_flags(environment)


@pytest.mark.parametrize("given", [["--host", "http://a", "--host=http://b"], ["-H", "http://a", "-H", "http://b"]])
def test_a_host_that_is_given_twice_is_not_halved(environment, monkeypatch, given):
    monkeypatch.setattr("sys.argv", ["locust", *given])
    with pytest.raises(ConfigError, match="host was given 2 times: give several with commas, --host A,B"):
        check_flags(environment)


def test_a_shape_class_of_locust(environment):
    class Mine(LoadTestShape):
        def tick(self):
            return None

    environment.shape_class = Mine()
    with pytest.raises(ConfigError, match="the load shape Mine is not supported: put a curve into shapes/"):
        check_flags(environment)


def test_a_user_class_that_is_none_of_ours(environment):
    class Visitor(User):
        pass

    environment.available_user_classes["Visitor"] = Visitor
    with pytest.raises(ConfigError, match=r"Visitor is not supported: it must be made from hubbub\.ChatUser"):
        check_flags(environment)


def test_a_task_beside_ours(environment):
    class Busy(Chatter):
        @task
        def more(self):
            pass

    environment.available_user_classes["Busy"] = Busy
    with pytest.raises(ConfigError, match=r"a task of its own \(more\): override step\(\)"):
        check_flags(environment)


def test_locust_says_nothing_of_a_run_time_that_is_ours(caplog):
    keep_quiet_about_run_time()
    logger = logging.getLogger("locust.main")
    with caplog.at_level(logging.INFO, logger="locust.main"):
        logger.info("No run time limit set, use CTRL+C to interrupt")
        logger.info("Starting")
    assert [record.getMessage() for record in caplog.records] == ["Starting"]
