"""What the grammar has not is one sentence with line, key and what was expected."""

import json
import tomllib
from pathlib import Path

import pytest

from hubbub.contracts.grammar import check, schema
from hubbub.errors import ConfigError
from hubbub.suite import CONF

GOOD = """
[open]
path = "/ws"

[login]
post = "/login"

[message]
send = "$content"

[[when]]
is = "ok"
means = "connected"

[[when]]
starts = "{"
means = "delivery"
text = "text"
"""


def checked(text):
    check(tomllib.loads(text), Path("mine.toml"), text)


def test_what_is_right_is_taken():
    checked(GOOD)
    checked(GOOD.replace("[login]", "[[login]]"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('path = "/ws"', "path = 7", "mine.toml, line 3: path must be a text, not 7"),
        ('path = "/ws"', 'paht = "/ws"', "mine.toml, line 3: [open] has no key 'paht'; it has path, headers"),
        ('means = "delivery"', 'means = "message"', "mine.toml, line 17: means must be one of delivery, connected"),
        ('starts = "{"', 'matches = "("', "mine.toml, line 16: matches must be a regular expression"),
        ('post = "/login"', "json = {a = 1}", "mine.toml, line 5: [login] must have one of get, post"),
        ("[login]", "[logn]", "mine.toml: there is no key 'logn'; there are name, echo"),
        ("[message]", "[read]", "mine.toml has no [message]: a contract needs open"),
        ("\n[open]", 'echo = "yes"\n[open]', "mine.toml, line 1: echo must be true or false"),
        ('is = "ok"', 'is = "ok"\nwhere = {a = [1]}', "mine.toml, line 13: where must be paths and values"),
        ('send = "$content"', "send = [1]", "mine.toml, line 9: send must be a text or a list of texts, not [1]"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old, new, said):
    assert GOOD.count(old) == 1
    with pytest.raises(ConfigError) as refused:
        checked(GOOD.replace(old, new))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["when = 1", "when = [1]", "open = 1", "login = [1]"])
def test_tables_are_tables(text):
    with pytest.raises(ConfigError, match="must be a"):
        checked(text)


def test_the_schema_for_editors_is_that_of_the_grammar():
    assert json.loads((CONF / "contracts" / "schema.json").read_text()) == schema()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[[when]]\nmeans = "other"\n[[when]]\nis = "x"\n', r"when\[0\] has no condition .* never reached"),
        (
            '[login]\npost = "/l"\njson = {a = "b"}\nform = {a = "b"}\n',
            r"has json and form: a call has one body",
        ),
    ],
)
def test_what_hides_or_contradicts_another_part_is_refused(text, why):
    whole = f'[open]\npath = "/"\n[message]\nsend = "x"\n{text}'
    if "[[when]]" not in text:
        whole += '[[when]]\nis = "x"\n'
    with pytest.raises(ConfigError, match=why):
        check(tomllib.loads(whole), Path("c.toml"), whole)


def test_a_last_rule_may_take_whatever_is_left():
    whole = '[open]\npath = "/"\n[message]\nsend = "x"\n[[when]]\nis = "x"\n[[when]]\nmeans = "other"\n'
    check(tomllib.loads(whole), Path("c.toml"), whole)
