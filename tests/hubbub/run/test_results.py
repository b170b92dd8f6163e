"""What lies in a run's folder at its end, and what is said of what could not be written."""

import json
from types import SimpleNamespace

from hubbub.report import build_summary
from hubbub.run.results import write_results
from tests.hubbub.report.conftest import blank_outcome


def summarise(result):
    return build_summary(result, [])


def test_summary_and_documents_are_written(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    done = []
    summary = write_results(blank_outcome(), summarise, tmp_path, lambda: done.append(True))
    assert json.loads((tmp_path / "summary.json").read_text()) == json.loads(json.dumps(summary))
    assert {path.name for path in tmp_path.iterdir()} == {"summary.json", "junit.xml", "summary.md"}
    assert done == [True]


def test_the_page_of_a_ci_run_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    write_results(blank_outcome(), summarise, tmp_path, lambda: None)
    assert "INCONCLUSIVE" in (tmp_path / "page.md").read_text()


def test_a_folder_that_is_gone_is_said_in_the_verdict(tmp_path):
    done = []
    summary = write_results(blank_outcome(), summarise, tmp_path / "gone", lambda: done.append(True))
    texts = [reason["text"] for reason in summary["verdict"]["reasons"]]
    assert any("summary.json: " in text for text in texts)
    assert done == []


def test_a_document_that_fails_is_said_in_the_summary(tmp_path, monkeypatch):
    monkeypatch.setattr("hubbub.run.results.write_documents", lambda *_: "junit.xml: broken")
    write_results(blank_outcome(), summarise, tmp_path, SimpleNamespace)
    assert "junit.xml: broken" in (tmp_path / "summary.json").read_text()
