"""The first line says the cause, and what to do."""

import pytest

from hubbub.errors import Failure
from hubbub.metrics.phase_stats import ErrorClass
from hubbub.report.diagnosis import diagnosis


def errors(run_result, kind, count):
    run_result.phase_stats.errors[kind] = ErrorClass(count, 0, 0, "", Failure(kind))


def test_without_a_fault_there_is_none(run_result):
    assert diagnosis(run_result) == ""


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda run: (setattr(run, "held_at_limit", 5), setattr(run.attendance, "asked", 99)),
            "the backend turned connections away when an account held 5: give --max-conns-per-user 5, or more accounts",
        ),
        (
            lambda run: (setattr(run.phase_stats.connections, "throttled", 7), setattr(run.attendance, "asked", 99)),
            "the backend limits requests: 7 calls had to wait (HTTP 429); spawn more slowly (--spawn-rate), or switch "
            "its limits off",
        ),
        (
            lambda run: errors(run, "dropped: 1009", 8),
            "8 connections were closed with 1009: a message too big: see --message-size. 0 clients were ready at the "
            "end, 0 never came back; senders catch up with --catch-up-rate 10",
        ),
        (
            lambda run: errors(run, "dropped: 1006", 8),
            "8 connections were closed without a close frame: did the backend stop, or restart? 0 clients were ready "
            "at the end, 0 never came back; senders catch up with --catch-up-rate 10",
        ),
    ],
)
def test_each_cause_has_its_line(run_result, change, text):
    change(run_result)
    assert diagnosis(run_result) == text


def test_refusals_have_the_backend_s_words(run_result):
    run_result.counts.refused = 3
    for _ in range(3):
        run_result.refusals.add("Redis is gone")
    assert diagnosis(run_result) == "3 of 10 messages were refused by the backend: 'Redis is gone' (3 times)"
    run_result.counts.refused, run_result.counts.throttled = 0, 3
    assert diagnosis(run_result) == "3 of 10 messages were throttled by the backend: 'Redis is gone' (3 times)"


def test_stored_and_reached_nobody_is_told_from_some(run_result):
    run_result.history.stored_not_delivered = 4
    run_result.counts.delivered = 0
    assert diagnosis(run_result) == "4 messages were stored and reached nobody: the backend does not fan out"
    run_result.counts.delivered = 5
    assert diagnosis(run_result) == "4 of 10 messages were stored and reached nobody"


def test_what_was_never_stored_is_told_from_what_is_unknown(run_result):
    run_result.counts.vanished = 4
    run_result.history.not_stored = 4
    assert diagnosis(run_result) == "4 of 10 messages were seen by nobody, and 4 of them were never stored"
    run_result.history.not_stored, run_result.history.unknown = 0, 4
    run_result.history_problem = "the backend repeats its pages (1 of 5 messages)"
    assert diagnosis(run_result).endswith("whether they were stored is not known: " + run_result.history_problem)


def test_losses_beside_deliveries_are_told(run_result):
    run_result.counts.delivered, run_result.counts.lost = 96, 4
    assert diagnosis(run_result) == ""
    run_result.counts.delivered, run_result.counts.lost = 90, 10
    assert diagnosis(run_result) == "messages reached some and not others: 10 of 100 deliveries were lost"
