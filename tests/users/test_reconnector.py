"""A reconnector is back at once: nothing is lost, and the others are not told otherwise."""

import json

from users.chatter import Chatter
from users.reconnector import Reconnector

OPTIONS = {"clients": "4", "duration": "12s", "message_interval": "1s"}


def told(run, grace_s, looks_again):
    """Let the backend tell who is online: offline when the grace is over, with or without a look."""

    def tell(user, status):
        frame = json.dumps({"type": "user_status", "payload": {"user_id": user, "status": status}}).encode()
        for each in run.backend.connections:
            each.deliver(frame)

    def is_online(user):
        return any(each.user == user for each in run.backend.connections)

    def ended(user):
        if not (looks_again and is_online(user)):
            tell(user, "offline")

    connect = run.backend.connect

    def connect_and_tell(url, handler, on_closed, headers):
        def on_end(*how):
            on_closed(*how)
            run.scheduler.call_later(grace_s, lambda: ended(connection.user))

        connection = connect(url, handler, on_end, headers)
        run.scheduler.call_later(run.backend.delay_s, lambda: tell(connection.user, "online"))
        return connection

    for transport in run.world.transports:
        transport.connect = connect_and_tell
    run.backend.connect = connect_and_tell


def test_it_closes_and_comes_back_after_every_third_message(make):
    run = make(kinds=(Reconnector, Chatter), **OPTIONS)
    summary = run.go()
    assert summary["verdict"]["result"] == "PASS", summary["verdict"]
    assert summary["messages"]["sent"] == summary["messages"]["confirmed"] == 48
    assert summary["deliveries"]["lost"] == 0
    assert summary["connections"]["attempted"] == 4 + 2 * 4
    assert summary["connections"]["dropped"] == 0


def test_within_the_grace_it_was_never_offline(make):
    run = make(kinds=(Reconnector, Chatter), **OPTIONS)
    told(run, 3, looks_again=True)
    presence = run.go()["presence"]
    assert presence["told"] > 0
    assert presence["wrong"] == 0


def test_a_grace_that_ends_without_a_look_is_found(make):
    run = make(kinds=(Reconnector, Chatter), clients="4", duration="36s", message_interval="3s")
    told(run, 3, looks_again=False)
    summary = run.go()
    times = 2 * 3  # two of them come back three times; a fourth time is too near to the end
    assert summary["presence"]["wrong"] == times * 4
    assert summary["verdict"]["result"] == "PASS"


def test_a_connection_that_fails_is_made_again(make):
    run = make(kinds=(Reconnector,), **OPTIONS)
    run.begin()
    run.until(lambda: run.run.elapsed_us > 2_000_000)
    run.backend.refuse["ws/ticket"] = 500
    run.until(lambda: run.run.elapsed_us > 6_000_000)
    run.backend.refuse.clear()
    summary = run.to_the_end()
    assert summary["messages"]["sent"] == 48
    assert any(error["class"] == "ticket: HTTP 500" for error in summary["errors"])
