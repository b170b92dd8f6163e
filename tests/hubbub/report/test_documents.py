"""The files beside the summary: all are written, and one that fails keeps no other from it."""

from hubbub.report import build_summary
from hubbub.report.documents import DOCUMENTS, write_documents


def test_each_document_is_written(run_result, slo_results, tmp_path):
    summary = build_summary(run_result, slo_results(run_result))
    assert write_documents(summary, tmp_path) == ""
    assert {path.name for path in tmp_path.iterdir()} == set(DOCUMENTS)


def test_the_page_of_a_ci_run_is_added_to(run_result, slo_results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n")
    summary = build_summary(run_result, slo_results(run_result))
    assert write_documents(summary, tmp_path, str(page)) == ""
    assert page.read_text() == "before\n" + (tmp_path / "summary.md").read_text()


def test_what_cannot_be_written_is_named(run_result, slo_results, tmp_path, monkeypatch):
    def fail(_summary):
        raise ValueError("no such figure")

    monkeypatch.setitem(DOCUMENTS, "junit.xml", fail)
    summary = build_summary(run_result, slo_results(run_result))
    problem = write_documents(summary, tmp_path, str(tmp_path / "absent" / "page.md"))
    assert "junit.xml: " in problem
    assert "no such figure" in problem
    assert "GITHUB_STEP_SUMMARY: " in problem
    assert (tmp_path / "summary.md").exists()
