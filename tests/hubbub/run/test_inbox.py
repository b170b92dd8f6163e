"""Each run has a fresh worker, and messages of another run are ignored."""

from hubbub.run.messages import DRAIN, GO, Drain, Go
from hubbub.serialization import to_plain


def begun(make, **how):
    run = make(message_interval="1s", **how)
    run.begin()
    run.until(lambda: run.run.elapsed_us > 1_000_000)
    return run, run.inboxes[0]


def test_a_new_run_ends_the_reports_of_the_one_before(make):
    _, inbox = begun(make)
    old = inbox.worker
    inbox._prepare(old.assignment)
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
    assert run.run.aggregator.is_final("w0")


def test_an_inbox_without_a_run_has_nothing_to_end(make):
    inbox = make().inboxes[0]
    inbox.take(DRAIN, to_plain(Drain(run="r", is_hurried=False)))
    inbox.end()
    assert inbox.worker is None
