"""A user class, a shape and a contract of one's own: one file each, and no other is touched."""

import json
import re
import shutil
import sys

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.e2e


@pytest.fixture
def tree(tmp_path):
    """A checkout of one's own."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("hubbub", "backend", "users", "shapes", "conf"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("locustfile.py", "locust.conf"):
        shutil.copy(ROOT / name, tree)
    return tree


def test_one_file_each_is_enough(start, start_backend, tree, tmp_path):
    shutil.copy(ROOT / "examples" / "greeter.py", tree / "users")
    shutil.copy(ROOT / "examples" / "plateau.py", tree / "shapes")
    shutil.copy(ROOT / "examples" / "ours.toml", tree / "conf" / "contracts")
    backend = start_backend()
    options = (
        "--mix",
        "Greeter=2,Lurker=1",
        "--shape",
        "plateau",
        "--contract",
        "ours",
        "--clients",
        6,
        "--locust-tables",
    )
    timing = ("--duration", "3s", "--message-interval", "200ms", "--preflight", "off", "--run-dir", tmp_path / "run")
    run = start(*(sys.executable, "-m", "hubbub", "perf-ws", "--host", backend.origin, *options, *timing), cwd=tree)
    run.passes()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["run"]["contract"] == "ours"
    assert summary["messages"]["sent"] == backend.metric("backend_messages_taken_total") > 0
    assert "hubbub: shape plateau" in run.text
    assert re.search(r"GREETER +say +\d+", run.text)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        (
            "--mix",
            "Greeter=1",
            "mix: there is no user class 'Greeter'; there are Chatter, Lurker, Newcomer, Poster, Re",
        ),
        (
            "--shape",
            "plateau",
            "shape must be one of none, daily, ramp, soak, spike, steps, or a file, not 'plateau'",
        ),
        ("--contract", "ours", "or a file, not 'ours'"),
    ],
)
def test_what_has_no_file_is_one_sentence(hubbub, start_backend, option, value, sentence):
    run = hubbub("perf-ws", "--host", start_backend().origin, option, value)
    assert run.code() == 2, run.text
    assert sentence in run.text
    assert "Traceback" not in run.text


OPTION = """    greeting: str = row("greeting", kinds.text, "hello", "what is said first", "TEXT")
    seed: int ="""
FIGURE = """    Figure("messages", "answered", "confirmed by the backend", read=lambda result: result.counts.confirmed),
    Figure("messages", "pending","""


def test_an_option_and_a_figure_are_one_row_each(start, start_backend, tree, tmp_path):
    options, figures = (tree / "hubbub" / name for name in ("options.py", "report/figures.py"))
    options.write_text(options.read_text().replace("    seed: int =", OPTION, 1))
    figures.write_text(figures.read_text().replace('    Figure("messages", "pending",', FIGURE, 1))
    backend = start_backend()
    command = (sys.executable, "-m", "hubbub")
    asked = ("--host", backend.origin, "--clients", 4, "--duration", "2s", "--message-interval", "200ms")
    ours = ("--greeting", "ahoy", "--slo", "messages.answered > 1", "--run-dir", tmp_path / "run")
    run = start(*command, "perf-ws", *asked, *ours, cwd=tree)
    run.passes()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["messages"]["answered"] == summary["messages"]["confirmed"] > 1
    assert "messages answered" in run.text
    assert json.loads((tmp_path / "run" / "config.json").read_text())["greeting"] == "ahoy"
    for table, row in (
        ("options", "| `--greeting` | `HUBBUB_GREETING` | `hello` |"),
        ("figures", "| `messages.answered` |"),
    ):
        printed = start(*command, table, cwd=tree)
        assert printed.code() == 0
        assert row in printed.text
