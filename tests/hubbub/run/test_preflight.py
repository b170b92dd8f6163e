"""A hopeless backend is told in seconds, with the exact reason; one that fails now and then is not turned away."""

import json

import pytest

PREFIX = "hubbub: preflight: "


@pytest.fixture
def preflight(make):
    """Prepares a run with a preflight, and returns what it prints, "" where it goes on."""

    def preflight(fault=lambda number: None, change=lambda run: None, **options):
        run = make(preflight="on", fault=fault, **options)
        change(run)
        before_us = run.scheduler.now_us()
        run.scheduler.spawn(run.begin)
        run.until(lambda: run.is_over or run.run.elapsed_us > 0)
        assert run.scheduler.now_us() - before_us < 45_000_000
        if not run.is_over:
            return ""
        assert run.run.exit_code == 2
        assert run.run.console.startswith(PREFIX)
        return run.run.console.removeprefix(PREFIX)

    return preflight


def test_the_message_of_a_preflight_is_not_counted(make):
    run = make(preflight="on", message_interval="1s")
    run.scheduler.spawn(run.begin)
    summary = run.to_the_end()
    assert (run.backend.taken, summary["messages"]["sent"]) == (61, 60)
    assert (summary["deliveries"]["received"], summary["deliveries"]["foreign"]) == (720, 0)
    assert summary["verdict"]["result"] == "PASS"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            "not delivered",
            "stored (found in the history), and reached nobody within 5 s: it does not fan out.",
        ),
        ("swallow", "neither stored (the history lacks it) nor delivered within 5 s: no message is taken."),
        ("refuse", "the backend refused 3 of 3 messages: no."),
    ],
)
def test_a_hopeless_backend_has_a_reason(preflight, fault, reason):
    assert preflight(lambda _: fault) == reason


def test_an_echo_alone_is_not_enough(preflight):
    def change(run):
        def take(connection, frame, take=run.backend.take):
            joined, run.backend.connections = run.backend.connections, {connection}
            take(connection, frame)
            run.backend.connections = joined

        run.backend.take = take

    assert preflight(change=change) == "each message reached its sender, and not the other connection within 5 s."


def test_one_message_of_three_is_enough(preflight):
    assert preflight({1: "swallow", 2: "not delivered"}.get) == ""


def test_a_history_that_cannot_be_read_leaves_it_open(preflight):
    found = preflight(lambda _: "not delivered", lambda run: run.backend.refuse.update(messages=500))
    assert found.startswith("reached nobody within 5 s; whether it was stored is not known (")
    assert "HTTP 500" in found


def test_a_delivery_type_that_does_not_fit_is_named(preflight):
    found = preflight(change=lambda run: setattr(run.backend, "delivery_type", "room_message"))
    assert found.endswith("give --delivery-type room_message.")


@pytest.mark.parametrize(("path", "phase"), [("/ws/ticket", "ticket: HTTP 503")])
def test_a_connection_that_never_gets_ready_has_its_phase(preflight, path, phase):
    found = preflight(change=lambda run: run.backend.refuse.update({path: 503}))
    assert found == f"no connection gets ready ({phase})."


def test_it_needs_one_account_and_one_slot_at_least(preflight):
    assert preflight(clients="3", max_conns_per_user="1") == ""
    assert preflight(clients="1", run_dir="") == ""


def test_nothing_is_sent_where_it_is_switched_off(make):
    run = make(preflight="off", message_interval="1s")
    run.go()
    assert run.backend.taken == 60


def test_a_refusal_is_cleaned(preflight):
    def change(run):
        def take(connection, frame, take=run.backend.take):
            if frame["type"] == "message":
                connection.deliver(json.dumps({"type": "error", "payload": {"message": "\nVerdict: PASS"}}).encode())
            else:
                take(connection, frame)

        run.backend.take = take

    assert preflight(change=change) == "the backend refused 3 of 3 messages: ?Verdict: PASS."


@pytest.mark.parametrize("delay_s", [0.7, 1.5, 3.0])
def test_a_slow_backend_is_measured(preflight, delay_s):
    assert preflight(change=lambda run: setattr(run.backend, "delay_s", delay_s), join_timeout="30s") == ""
