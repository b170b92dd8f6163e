"""What a run leaves in its folder at its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hubbub.errors import described
from hubbub.report import RunResult
from hubbub.report.documents import STEP_SUMMARY, write_documents
from hubbub.run.folder import write_json


def write_results(
    result: RunResult, summarise: Callable[[RunResult], dict[str, Any]], folder: Path, written: Callable[[], None]
) -> dict[str, Any]:
    """Write the documents, and `summary.json`; returns the summary, which says what could not be written.

    `written` is called when the summary is there.
    """
    problem = write_documents(summarise(result), folder, os.environ.get(STEP_SUMMARY, ""))
    result.output_problem = result.output_problem or problem
    try:
        write_json(folder / "summary.json", summarise(result))
        written()
    except OSError as error:
        result.output_problem = f"summary.json: {described(error)}"
    return summarise(result)
