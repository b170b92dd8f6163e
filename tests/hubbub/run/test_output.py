"""An output is told when a run begins, of every report, and when it is judged."""


def test_outputs_see_the_whole_run(make):
    run = make(workers=2, clients="12", message_interval="1s")
    run.go()
    assert run.recorder.folder == run.run.path
    assert run.recorder.is_over
    last = {report.worker: report for report in run.recorder.reports}
    assert sum(report.counts.sent for report in last.values()) == run.summary["messages"]["sent"] == 60
    assert all(report.is_final for report in last.values())
