"""The files of a report besides `summary.json`: a new one is one more row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hubbub.errors import described
from hubbub.report.junit import render_junit
from hubbub.report.markdown import render_markdown

DOCUMENTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "junit.xml": render_junit,
    "summary.md": render_markdown,
}

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names the file which GitHub shows on the page of a CI run."""


def write_documents(summary: Mapping[str, Any], folder: Path, step_summary: str = "") -> str:
    """Write all of them; returns what could not be written, in a sentence, or nothing.

    `step_summary` is the file of STEP_SUMMARY: the report is added to it.
    """
    problems = []
    for name, render in DOCUMENTS.items():
        try:
            (folder / name).write_text(render(summary), encoding="utf-8")
        except Exception as error:  # one that fails must keep no other from being written, nor end the run
            problems.append(f"{name}: {described(error)}")
    if step_summary:
        try:
            with open(step_summary, "a", encoding="utf-8") as file:
                file.write(render_markdown(summary))
        except OSError as error:
            problems.append(f"{STEP_SUMMARY}: {described(error)}")
    return "; ".join(problems)
