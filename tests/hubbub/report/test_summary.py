"""The summary has the schema's sections in their order, and None for what was not measured."""

import errno

from hubbub.errors import CallFailed, Closing, ConnectError, Failure, Owner, failure_of
from hubbub.ledger import Counts, Finding
from hubbub.report import build_summary


def test_the_sections_that_others_rely_on_come_in_order(run_result):
    summary = build_summary(run_result, [])
    fixed = [
        "schema",
        "run",
        "verdict",
        "connections",
        "messages",
        "deliveries",
        "latency_ms",
        "health",
        "slo",
        "errors",
    ]
    assert [name for name in summary if name in fixed] == fixed
    assert summary["schema"] == 1
    assert list(summary["messages"]) == [
        *("planned", "sent", "unsent", "confirmed", "refused", "throttled", "vanished", "indefinite", "pending"),
    ]


def test_a_series_without_a_value_is_none(run_result):
    assert build_summary(run_result.blank(), [])["latency_ms"]["response"] is None
    assert build_summary(run_result.blank(), [])["history"] is None
    assert build_summary(run_result.blank(), [])["canary"] is None


def test_evidence_leaves_out_what_is_not_known(run_result):
    run_result.findings = [Finding("lost", 5, sender=1, number=2)]
    assert build_summary(run_result, [])["evidence"] == [{"kind": "lost", "at_us": 5, "sender": 1, "number": 2}]


def test_each_conversation_has_its_own_counts(run_result):
    run_result.conversations = {1: Counts(sent=2), 0: Counts(sent=1)}
    conversations = build_summary(run_result, [])["conversations"]
    assert [(each["index"], each["messages"]["sent"]) for each in conversations] == [(0, 1), (1, 2)]


def test_errors_come_most_frequent_first(run_result):
    for kind, count in (("a", 1), ("b", 3)):
        for at_us in range(count):
            run_result.phase_stats.error(Failure(kind), at_us * 1_000_000, f"sample of {kind}")
    errors = build_summary(run_result, [])["errors"]
    assert [error["class"] for error in errors] == ["b", "a"]
    expected = {"class": "b", "count": 3, "first_at": 0.0, "last_at": 2.0, "sample": "sample of b"}
    assert errors[0] == errors[0] | expected


def test_an_error_says_whose_it_is_and_how_a_connection_ended(run_result):
    closing = Closing(1006, "ConnectionResetError", Owner.BACKEND, "ECONNRESET")
    run_result.phase_stats.error(Failure("dropped: 1006", **closing.details), 0, "gone")
    run_result.phase_stats.error(failure_of("connect", ConnectError.of(OSError(errno.EMFILE, ""))), 1, "")
    run_result.phase_stats.error(failure_of("login", CallFailed(500, "HTTP 500")), 2, "")
    keys = ("owner", "phase", "errno", "status", "close_code", "closed_by")
    errors = {each["class"]: tuple(each[key] for key in keys) for each in build_summary(run_result, [])["errors"]}
    assert errors == {
        "dropped: 1006": ("backend", None, "ECONNRESET", None, 1006, "backend"),
        "generator: connect: EMFILE (no file left)": (
            "generator",
            "connect",
            "EMFILE",
            None,
            None,
            None,
        ),
        "login: HTTP 500": ("backend", "login", None, 500, None, None),
    }


def test_what_the_canary_saw_lies_between_our_ends_or_does_not(run_result):
    theirs = {"p50": 0.0, "p99": None}
    run_result.canary = {"received": 1, "delivery_ms": theirs, "response_ms": theirs}
    within = build_summary(run_result, [])["canary"]["within"]
    assert within["p99"] is None
    assert within["p50"] in (True, False, None)
