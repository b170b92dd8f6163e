"""One option: its names, and how the texts that are given for it become one."""

import pytest

from hubbub.errors import ConfigError
from hubbub.options import OPTION


def test_an_option_has_one_name_in_every_place():
    option = OPTION["message_size"]
    assert (option.label, option.flag, option.environment_variable) == (
        "message-size",
        "--message-size",
        "HUBBUB_MESSAGE_SIZE",
    )


@pytest.mark.parametrize(
    ("name", "text", "cleaned"),
    [("clients", " 5\r\n", "5"), ("account_password", " p \r", " p "), ("slo", "\n a < 1 \n", "a < 1")],
)
def test_blanks_around_a_text_are_left_out(name, text, cleaned):
    assert OPTION[name].cleaned(text) == cleaned


@pytest.mark.parametrize(
    ("name", "texts", "joined"),
    [
        ("header", ["A: 1", "B: 2"], "A: 1\nB: 2"),
        ("mix", ["Chatter=1", "Lurker=2"], "Chatter=1,Lurker=2"),
        ("canary", ["true", "true"], "true"),
        ("clients", ["5"], "5"),
        ("clients", [], ""),
    ],
)
def test_several_texts_become_one(name, texts, joined):
    assert OPTION[name].joined(texts) == joined


def test_several_where_there_can_be_one_are_refused():
    with pytest.raises(ConfigError, match=r"seed was given 2 times \(1, 1\): give it once"):
        OPTION["seed"].joined(["1", "1"])


def test_a_choice_may_be_a_file_where_the_option_has_a_folder(tmp_path):
    (tmp_path / "ours.toml").touch()
    path = str(tmp_path / "ours.toml")
    assert OPTION["contract"].value(path) == path
    with pytest.raises(ConfigError, match="model must be one of closed, open"):
        OPTION["model"].value(path)


def test_a_file_that_is_not_there_is_called_a_file():
    with pytest.raises(ConfigError, match=r"contract: there is no file \.\./nothere\.toml"):
        OPTION["contract"].value("../nothere.toml")
