"""The public names are those that the documentation lists, each with a docstring, and cheap until they are used."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import hubbub
from hubbub.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
NAMES = [name for name in hubbub.__all__ if not name.startswith("_")]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_there_documented_and_listed(name):
    value = getattr(hubbub, name)
    assert f"`{name}`" in (ROOT / "docs" / "extending.md").read_text()
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value), f"{name} has no docstring"
        members = inspect.getmembers(value, inspect.isfunction)
        for member, function in members:
            if not member.startswith("_") and function.__module__.startswith("hubbub"):
                assert inspect.getdoc(function), f"{name}.{member} has no docstring"


def test_nothing_else_is_there():
    assert dir(hubbub) == sorted(hubbub.__all__)
    assert set(NAMES) == set(hubbub._MODULE_OF)
    with pytest.raises(AttributeError, match="has no attribute 'Chatuser'"):
        _ = hubbub.Chatuser


def test_the_types_that_editors_see_are_the_same_names():
    source = (ROOT / "hubbub" / "__init__.py").read_text()
    typed = source.partition("if TYPE_CHECKING:")[2].partition("_MODULES")[0]
    assert all(name in typed for name in NAMES)


def test_importing_it_imports_neither_locust_nor_gevent():
    code = "import sys, hubbub; hubbub.Curve; sys.exit(bool({'locust', 'gevent'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_figures_of_a_run_are_read_from_its_folder(tmp_path):
    (tmp_path / "summary.json").write_text('{"schema": 1, "messages": {"sent": 3}}')
    assert hubbub.read_summary(tmp_path)["messages"]["sent"] == 3


@pytest.mark.parametrize("text", [None, "{", "[]", '{"schema": 2}'])
def test_a_folder_without_a_summary_of_ours_is_one_sentence(tmp_path, text):
    if text is not None:
        (tmp_path / "summary.json").write_text(text)
    with pytest.raises(ConfigError, match=r"summary\.json must"):
        hubbub.read_summary(tmp_path)
