"""What the documentation says is what the code does."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from hubbub import Delivery, EventKind
from hubbub.cli import print_figures, print_options
from hubbub.clock import format_duration
from hubbub.options import resolve
from hubbub.profiles import profile_names
from shapes import all_shapes

SHAPES = all_shapes()

ROOT = Path(__file__).resolve().parent.parent


def test_the_readme_has_the_generated_table_of_options():
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        print_options()
    assert written.getvalue() in (ROOT / "README.md").read_text(), "run make options"


def test_the_docs_have_the_generated_table_of_figures():
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        print_figures()
    assert written.getvalue() in (ROOT / "docs" / "slo.md").read_text(), "run make options"


@pytest.mark.parametrize("name", profile_names())
def test_the_table_of_profiles_is_right_and_every_shape_is_possible(name):
    settings = resolve({"run_profile": name})
    row = (
        f"| {name} | {settings.clients} | {settings.spawn_rate:g}/s | {format_duration(settings.duration_us)} | "
        f"{settings.shape} | {settings.conversations} | {format_duration(settings.message_interval_us)} |"
    )
    assert row in (ROOT / "docs" / "profiles.md").read_text()
    if settings.shape != "none":
        SHAPES[settings.shape](settings.clients, settings.duration_us).check(settings.spawn_rate)


def test_links_between_documents_lead_somewhere():
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_every_make_target_is_explained():
    targets = re.findall(r"^\.PHONY: (\S+)\n\1:(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(targets) >= 12
    for name, rest in targets:
        assert "## " in rest, f"make help says nothing about {name}"


def test_the_contract_in_the_docs_is_one():
    text = (ROOT / "docs" / "contracts.md").read_text()
    scope = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], scope)  # noqa: S102 - our own
    contract = scope["Plain"]()
    assert contract.recognise(b'{"text":"x","to":1}') == Delivery(1, -1, "x")
    kinds = [contract.recognise(frame).kind for frame in (b'{"is":"entered","to":2}', b"{", b"[]", b'{"is":"welcome"}')]
    assert kinds == [EventKind.JOINED, EventKind.UNREADABLE, EventKind.UNREADABLE, EventKind.CONNECTED]
    assert contract.message(1, "x") == '{"to": 1, "text": "x"}'
