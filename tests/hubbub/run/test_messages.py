"""What travels between a run and its workers; that it arrives whole is tested in test_wire.py."""

from hubbub.run.messages import REPORT, TO_WORKER, Report


def test_kinds_of_messages_are_told_apart():
    assert len({*TO_WORKER, REPORT}) == 5


def test_a_report_that_says_nothing_has_measured_nothing():
    report = Report(run="r", worker="w", token="t")
    assert (report.sequence, report.counts.sent, report.is_final, report.problem) == (0, 0, False, "")
