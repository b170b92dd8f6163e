"""One worker: numbers its clients, gives them slots, reports each second, and ends in order."""

import pytest

from hubbub.errors import RunError
from hubbub.run.states import State


@pytest.fixture
def run(make):
    run = make(workers=2, clients="12", message_interval="1s", duration="60s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 2_500_000)
    return run


def test_clients_are_numbered_across_workers(run):
    assert sorted(user.client for user in run.users) == list(range(12))


def test_reports_are_numbered_and_come_each_second(run):
    sequences = [report.sequence for report in run.recorder.reports if report.worker == "w0"]
    assert sequences == list(range(1, len(sequences) + 1))
    assert len(sequences) >= 2
    assert run.recorder.reports[-1].ready == 6


def test_no_more_sessions_than_slots(run):
    worker = run.inboxes[0].worker
    with pytest.raises(RunError, match="slots of this worker's accounts are taken"):
        for _ in range(100):
            worker.open_session(has_own_account=False)
    with pytest.raises(RunError, match="all 0 slots"):
        worker.open_session(has_own_account=True)


def test_a_stall_makes_doubt_before_losses_are_decided(run):
    worker = run.inboxes[0].worker
    connection = next(iter(run.backend.connections))
    for each in run.backend.connections:
        each.pause_reading()
    run.scheduler.time_us += 3_000_000
    run.scheduler.advance(1.5)
    notes = [session.receiver.connection.note for session in worker._sessions]
    assert any("not all that had arrived was read" in note for note in notes)
    for each in list(run.backend.connections):
        each.resume_reading()
    assert connection.is_open


def test_it_reports_for_the_last_time_when_something_goes_wrong(run, monkeypatch):
    worker = run.inboxes[0].worker

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(worker.context.ledger, "finish", fail)
    worker.drain(is_hurried=True)
    run.until(worker.ended.is_set)
    assert run.run.aggregator.reports["w0"].is_final
    assert worker.context.transport.is_closed


def test_errors_without_a_message_are_surplus(make):
    run = make(message_interval="1s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 4_500_000)
    connection = next(iter(run.backend.connections))
    for _ in range(3):
        connection.deliver(b'{"type":"error","payload":{"message":"bad"}}')
    summary = run.to_the_end()
    assert sum(error["count"] for error in summary["errors"] if "error frame" in error["class"]) == 3


@pytest.mark.parametrize(("is_interrupted", "seconds", "why"), [(False, 33, "longer than 30 s"), (True, 4, "stopped")])
def test_a_history_that_does_not_come_does_not_hold_the_run(make, is_interrupted, seconds, why):
    run = make(duration="2s", message_interval="1s", reconcile="all")
    answer = run.backend.request

    def request(method, path, headers, body):
        if "/messages" in path:
            run.scheduler.sleep(1_000)
        return answer(method, path, headers, body)

    run.backend.request = request
    run.begin()
    run.until(lambda: run.run._machine.state is State.DRAIN)
    before_us = run.scheduler.now_us()
    run.scheduler.advance(3)
    if is_interrupted:
        run.run.stop("the run was interrupted")
    summary = run.to_the_end()
    assert run.scheduler.now_us() - before_us <= seconds * 1_000_000
    assert summary["verdict"]["result"] == "INCONCLUSIVE"
    reasons = [reason["text"] for reason in summary["verdict"]["reasons"]]
    assert any("the history could not be read whole" in text and why in text for text in reasons)
    assert summary["history"]["unknown"] == summary["messages"]["sent"]
