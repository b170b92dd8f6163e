"""What the examples for CI run is what there is: commands, options, variables, profiles and files."""

import re
import shlex

import pytest

from hubbub.cli import build_parser
from hubbub.options import OPTIONS
from hubbub.profiles import profile_names
from hubbub.report.documents import DOCUMENTS
from tests.support import ROOT

FILES = ("github.yml", "gitlab.yml")


def text_of(name):
    return (ROOT / "examples" / "ci" / name).read_text()


@pytest.mark.parametrize("name", FILES)
def test_the_command_is_one_that_there_is(name):
    (line,) = re.findall(r"-m hubbub (.*)", text_of(name))
    arguments = build_parser().parse_args(shlex.split(line))
    assert arguments.command == "perf-ws"
    assert set(arguments.run_profile) <= set(profile_names())


@pytest.mark.parametrize("name", FILES)
def test_variables_and_files_are_those_that_there_are(name):
    text = text_of(name)
    known = {option.environment_variable for option in OPTIONS}
    named = set(re.findall(r"HUBBUB_[A-Z_]+", text))
    assert named
    assert named <= known
    assert set(re.findall(r"results/(\S+)", text)) <= set(DOCUMENTS)
    assert re.search(r"^[ -]+make setup$|run: make setup$", text, re.MULTILINE)
    assert re.search(r"^setup:", (ROOT / "Makefile").read_text(), re.MULTILINE)
