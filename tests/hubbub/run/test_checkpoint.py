"""The newest report of each worker is on the disk, whole, until the summary is."""

import pytest

from hubbub.errors import RunError
from hubbub.run.checkpoint import Checkpoint, read_checkpoints
from hubbub.run.messages import Report


def report(worker, sequence):
    return Report(run="r", worker=worker, token="t", sequence=sequence)


def test_the_newest_report_of_each_worker_is_kept(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    for worker, sequence in (("a", 1), ("b", 1), ("a", 2)):
        checkpoint.take(report(worker, sequence))
    assert [(each.worker, each.sequence) for each in read_checkpoints(tmp_path)] == [("a", 2), ("b", 1)]
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_is_a_problem_and_no_exception(tmp_path):
    checkpoint = Checkpoint(tmp_path / "gone")
    for sequence in (1, 2):
        checkpoint.take(report("a", sequence))
    assert checkpoint.problem == "checkpoint-0.json: No such file or directory (FileNotFoundError)"
    checkpoint.remove()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"run": "r"}'])
def test_a_file_that_is_no_report_is_one_sentence(tmp_path, text):
    (tmp_path / "checkpoint-0.json").write_text(text)
    with pytest.raises(RunError, match=r"checkpoint-0\.json is no report of a worker"):
        read_checkpoints(tmp_path)
