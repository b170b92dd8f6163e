"""Texts with variables, and paths into JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.contracts.templates import MISSING, Template, ValueTemplate, lookup
from hubbub.errors import ContractError

VALUES = {"room": 7, "content": 'say "hi" & more', "email": "a@x.y"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("no variable", "no variable"),
        ('{"to":$room.json,"text":$content.json}', '{"to":7,"text":"say \\"hi\\" & more"}'),
        ("/rooms/$room/$email.url", "/rooms/7/a%40x.y"),
        (
            '{"data":"{\\"to\\":$email.json.inner,\\"n\\":$room.json.inner}"}',
            '{"data":"{\\"to\\":\\"a@x.y\\",\\"n\\":7}"}',
        ),
        ("$room$room", "77"),
        ("$$5 and $room.", "$5 and 7."),
        ("$", "$"),
        ('{"id":$(id),"s":$(a.0)}', '{"id":3,"s":"x"}'),
    ],
)
def test_a_text_is_filled(text, filled):
    assert Template(text).fill(VALUES, {"id": 3, "a": ["x"]}) == filled


@pytest.mark.parametrize(
    ("text", "said"), [("$rom", r"there is no \$rom here; there are content, email, room"), ("$(x)", r"no \$\(x\)")]
)
def test_a_variable_without_a_value_is_named(text, said):
    with pytest.raises(ContractError, match=said):
        Template(text).fill(VALUES, {"id": 3})


def test_a_text_knows_its_variables():
    assert Template("$a $b.json $$c $(d)").names == {"a", "b"}


def test_a_variable_alone_keeps_its_type():
    template = ValueTemplate({"id": "$room", "s": "$room.json", "list": ["x$room", True, None, {"a": "$email"}]})
    assert template.fill(VALUES) == {"id": 7, "s": "7", "list": ["x7", True, None, {"a": "a@x.y"}]}


@given(st.text())
def test_whatever_is_said_is_one_text_of_json(content):
    assert json.loads(Template("[$content.json]").fill({"content": content})) == [content]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {"a": [{"b": 1}], "s": '{"c":[2]}', "n": None}),
        ("a.0.b", 1),
        ("a.1.b", MISSING),
        ("a.x", MISSING),
        ("n", None),
        ("n.x", MISSING),
        ("s|json.c.0", 2),
        ("a|json", MISSING),
        ("none", MISSING),
    ],
)
def test_a_path_finds_what_is_there(path, found):
    assert lookup({"a": [{"b": 1}], "s": '{"c":[2]}', "n": None}, path) == found
