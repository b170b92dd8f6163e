"""Each run has a fresh worker, and messages of another run are ignored."""

from hubbub.run.messages import DRAIN, GO, PREPARE, Drain, Go
from hubbub.serialization import to_plain


def begun(make, **how):
    run = make(message_interval="1s", **how)
    run.begin()
    run.until(lambda: run.run.elapsed_us > 1_000_000)
    return run, run.inboxes[0]


def test_a_new_run_ends_the_reports_of_the_one_before(make):
    _, inbox = begun(make)
    old = inbox.worker
    inbox.take(PREPARE, to_plain(old.assignment))
    assert inbox.worker is not old
    assert not old.is_sending
    assert old.context.transport.is_closed


def test_messages_of_another_run_are_ignored(make):
    _, inbox = begun(make)
    inbox.take(DRAIN, to_plain(Drain(run="another", is_hurried=True)))
    inbox.take(GO, to_plain(Go(run="another", window_us=1, start_together=True)))
    assert inbox.worker.is_sending


def test_a_worker_that_is_told_to_stop_reports_first(make):
    run, inbox = begun(make, workers=1)
    task = run.scheduler.spawn(inbox.end)
    run.until(task.ready)
    report = run.run.aggregator.reports["w0"]
    assert (report.is_final, report.is_leaving) == (True, True)
    assert not run.run.aggregator.has_ended("w0")


def test_an_inbox_without_a_run_has_nothing_to_end(make):
    inbox = make().inboxes[0]
    inbox.take(DRAIN, to_plain(Drain(run="r", is_hurried=False)))
    inbox.end()
    assert inbox.worker is None


def test_an_assignment_that_cannot_be_read_is_a_problem(make):
    run, inbox = begun(make, workers=1)
    values = to_plain(inbox.worker.assignment) | {"clients": "many"}
    inbox.take(PREPARE, values)
    assert inbox.worker is None
    assert "TypeError: expected int, got str" in run.reports[-1]["problem"]


def test_it_is_patient_with_its_master_during_a_run_only(make):
    run, inbox = begun(make, workers=1, master_timeout="7s")
    assert inbox.patience_s == 7
    inbox.give_up()
    run.until(inbox.worker.ended.is_set)
    assert inbox.patience_s is None
    assert make().inboxes[0].patience_s is None
