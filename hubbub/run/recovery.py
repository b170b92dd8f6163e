"""The report of a run from its folder: as it was written, or made from the journal of a run that was cut off."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from hubbub.errors import RunError, described
from hubbub.exit_code import ExitCode
from hubbub.ledger import Finding
from hubbub.options import Settings
from hubbub.report import RunResult, build_summary, render_console
from hubbub.report.documents import write_documents
from hubbub.run.checkpoint import NAME, read_checkpoints
from hubbub.run.folder import write_json
from hubbub.run.messages import Report
from hubbub.run.objectives import watch_of
from hubbub.serialization import from_plain


def report_on(folder: Path) -> tuple[int, str]:
    """Exit code and text of a run's report. Raises RunError where the folder holds no run, or nothing was measured."""
    summary_path = folder / "summary.json"
    is_judged = summary_path.exists() and not any(folder.glob(NAME.format("*")))
    summary = _read_json(summary_path) if is_judged else _recovered(folder)
    try:
        code, text = int(summary["verdict"]["exit_code"]), render_console(summary, str(folder))
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{summary_path} is no summary of a run of this version.") from error
    if not is_judged:
        try:
            write_json(summary_path, summary)
            write_documents(summary, folder)
        except OSError as error:
            text += f"\nhubbub: {summary_path} could not be written ({described(error)})."
    return code, text


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}): is {path.parent} the folder of a run?") from error
    except (ValueError, TypeError) as error:
        raise RunError(f"{path} is not JSON: {error}.") from error


def _recovered(folder: Path) -> dict[str, Any]:
    """The summary of a run that was cut off: what its workers had reported, and the rest of it missing."""
    lines = _journal(folder)
    begin = next((line for line in lines if line["event"] == "begin"), None)
    reports = read_checkpoints(folder)
    if begin is None or not reports:
        raise RunError(f"nothing was measured in {folder}: its run ended before a worker had reported.")
    config = _read_json(folder / "config.json")
    try:
        settings = from_plain(Settings, config)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder / 'config.json'} is no configuration of this version ({error}).") from error
    result = RunResult(
        run_id=begin["run"],
        started_at=begin["at"],
        duration_s=0.0,
        settings=settings,
        users=settings.clients,
        workers=begin["processes"],
        versions=begin["versions"],
        comes_and_goes=begin["comes_and_goes"],
        chatting_share=begin["chatting_share"],
        accounts=begin["accounts"],
    )
    _add(result, reports, lines)
    watch = watch_of(settings, result.chatting_share)
    return build_summary(result, watch.results(result))


def _journal(folder: Path) -> list[dict[str, Any]]:
    """The lines of the journal; the last one may have been cut in the middle."""
    try:
        texts = (folder / "journal.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise RunError(f"there is no journal in {folder} ({error.strerror}): is it the folder of a run?") from error
    lines = []
    for text in texts:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "event" in line:
            lines.append(line)
    return lines


def _add(result: RunResult, reports: list[Report], lines: list[dict[str, Any]]) -> None:
    window_us = result.settings.duration_us or 0
    for report in reports:
        result.add(report)
        result.miss_rest_of(report, window_us)
        result.history_problem = result.history_problem or report.history_problem
    asked = max((line["clients"] for line in lines if line["event"] == "asked"), default=0)
    result.miss_clients(asked - result.attendance.asked, window_us)
    lost = [line for line in lines if line["event"] == "worker lost"]
    result.lost_workers = {line["worker"]: line["when"] for line in lost}
    known = Finding.__dataclass_fields__
    for line in lines:
        if line["event"] == "finding":
            result.findings.append(Finding(**{name: line[name] for name in known if name in line}))
    last = max((line["at"] for line in lines if line["event"] == "report"), default=result.started_at)
    length = datetime.fromisoformat(last) - datetime.fromisoformat(result.started_at)
    result.duration_s = round(length.total_seconds(), 3)
    result.interruption = f"the run was cut off; this is what its workers had reported until {last}"


def print_report(folder: Path) -> int:
    """Print the report of a run; returns its exit code, or says in a sentence why there is none."""
    try:
        code, text = report_on(folder)
    except Exception as error:  # the files of a folder may hold anything
        code, text = ExitCode.IMPOSSIBLE, f"hubbub: {described(error)}"
    print(text, flush=True)
    return code
