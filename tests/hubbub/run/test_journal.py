"""The journal has every report, and of findings and unclean seconds each once."""

import json

import pytest

from hubbub.ledger import Finding
from hubbub.run.journal import Journal
from hubbub.run.messages import Report


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path)


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]


def test_a_line_is_there_at_once(journal, tmp_path):
    journal.write("begin", run="\u00e9")
    (line,) = lines(tmp_path)
    assert (line["event"], line["run"]) == ("begin", "\u00e9")
    journal.close()


def test_what_is_new_of_a_worker_is_written(journal, tmp_path):
    first = Report(run="r", worker="w", token="t", sequence=1, findings=[Finding("lost", 1)])
    second = Report(run="r", worker="w", token="t", sequence=2)
    first.health.unclean.append((1, 2, ["late"]))
    second.health.unclean += [(1, 2, ["late"]), (3, 4, ["later"])]
    for report in (first, second):
        journal.take(report)
    assert [line["event"] for line in lines(tmp_path)] == ["report", "finding", "unclean", "report", "unclean"]


def test_a_disk_that_fails_is_said_once_and_the_run_goes_on(tmp_path):
    (tmp_path / "journal.jsonl").symlink_to("/dev/full")
    journal = Journal(tmp_path)
    for _ in range(2):
        journal.write("begin")
    assert journal.problem == "journal.jsonl: No space left on device (ENOSPC)"
    journal.close()
    journal.write("end")
    journal.close()
