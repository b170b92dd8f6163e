"""Past runs in a table: what has no verdict says so, and nothing in a folder can break it."""

import json

import pytest

from hubbub.errors import ConfigError
from hubbub.report import build_summary
from hubbub.report.listing import list_runs
from tests.hubbub.report.conftest import deliver


@pytest.fixture
def keep(run_result, slo_results, tmp_path):
    """Write a run's folder, with changes to its summary."""

    def keep(name, text=None, **changes):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "journal.jsonl").touch()
        summary = build_summary(run_result, slo_results(run_result)) | changes
        (folder / "summary.json").write_text(json.dumps(summary) if text is None else text)
        return folder

    return keep


def test_runs_are_listed_oldest_first(run_result, keep, tmp_path):
    for _ in range(200):
        deliver(run_result, 20_000)
    first = {"started_at": "2026-01-01T10:00:00.000+00:00", "profile": "smoke"}
    keep("b", run=first)
    keep("a", run=first | {"started_at": "2026-01-02T10:00:00.000+00:00", "profile": ""})
    head, *rows = list_runs(tmp_path).splitlines()
    assert head.split() == ["begun", "verdict", "profile", "clients", "deliveries", "lost", "p95", "ms", "folder"]
    assert [row.split() for row in rows] == [
        ["2026-01-01", "10:00:00", "PASS", "smoke", "0", "100", "0", "20.0", "b"],
        ["2026-01-02", "10:00:00", "PASS", "default", "0", "100", "0", "20.0", "a"],
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema":1}', "null"])
def test_a_run_without_a_verdict_says_so(keep, tmp_path, text):
    keep("cut off", text)
    assert list_runs(tmp_path).splitlines()[1].split() == ["-", "no", "verdict", "-", "-", "-", "-", "-", "cut", "off"]


def test_what_is_no_run_is_left_out(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "file").touch()
    assert list_runs(tmp_path) == f"there are no runs in {tmp_path}"


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="there is no"):
        list_runs(tmp_path / "absent")


def test_foreign_text_is_printable(keep, tmp_path):
    keep("a", verdict={"result": "PASS\x1b[31m\nFAIL"})
    assert "PASS [31m FAIL" in list_runs(tmp_path)
