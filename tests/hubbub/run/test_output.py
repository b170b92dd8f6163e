"""An output is told when a run begins, of every report, and when it is judged."""

import pytest

from hubbub.run.output import GuardedOutput


def test_outputs_see_the_whole_run(make):
    run = make(workers=2, clients="12", message_interval="1s")
    run.go()
    assert run.recorder.folder == run.run.path
    assert run.recorder.is_over
    last = {report.worker: report for report in run.recorder.reports}
    assert sum(report.counts.sent for report in last.values()) == run.summary["messages"]["sent"] == 60
    assert all(report.is_final for report in last.values())


class Broken:
    def __init__(self, fails):
        self.fails, self.calls = fails, []

    def _do(self, name):
        self.calls.append(name)
        if name == self.fails:
            raise OSError(28, "No space left on device")

    def begin(self, _folder):
        self._do("begin")

    def take(self, _report):
        self._do("take")

    def end(self):
        self._do("end")


@pytest.mark.parametrize(
    ("fails", "calls"), [("begin", "begin"), ("take", "begin take"), ("end", "begin take take end")]
)
def test_an_output_that_fails_once_is_not_asked_again(fails, calls):
    broken = Broken(fails)
    guarded = GuardedOutput(broken)
    guarded.begin(None)
    guarded.take(None)
    guarded.take(None)
    guarded.end()
    assert " ".join(broken.calls) == calls
    assert guarded.problem == "No space left on device (ENOSPC)"


def test_an_output_that_never_began_does_not_end():
    broken = Broken("")
    guarded = GuardedOutput(broken)
    guarded.end()
    assert (broken.calls, guarded.problem) == ([], "")
