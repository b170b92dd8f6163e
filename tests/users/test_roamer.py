"""A roamer moves from conversation to conversation, and what it misses meanwhile is excused."""

import pytest

from users.roamer import MESSAGES_PER_STAY, Roamer


def test_it_moves_on_after_every_third_message(make):
    run = make(kinds=(Roamer,), clients="4", conversations="2", duration="10s", message_interval="500ms")
    frames = []
    taken = run.backend.take
    run.backend.take = lambda connection, frame: (frames.append(frame["type"]), taken(connection, frame))
    summary = run.go()
    moves = summary["messages"]["sent"] // MESSAGES_PER_STAY
    assert frames.count("leave") >= moves - 4
    assert frames.count("typing") == 2 * summary["messages"]["sent"] == 2 * frames.count("read")
    assert summary["deliveries"]["lost"] == 0
    assert all(each["messages"]["sent"] for each in summary["conversations"])


def test_it_says_of_itself_that_it_comes_and_goes():
    assert Roamer.comes_and_goes
    assert Roamer.has_own_account


def test_a_history_that_is_refused_is_an_error_and_no_more(make):
    run = make(kinds=(Roamer,), clients="2", conversations="2", duration="6s", message_interval="500ms")
    run.backend.refuse["messages?limit=50"] = 500
    summary = run.go()
    assert any(error["class"] == "history: HTTP 500" for error in summary["errors"])
    assert summary["messages"]["sent"] == 24


def test_a_join_that_fails_on_the_way_is_tried_again(make):
    run = make(kinds=(Roamer,), clients="1", conversations="1", duration="20s", message_interval="1s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 1_000_000)
    account = run.users[0].session.slot.account
    account.conversations.append(0)
    assert run.to_the_end()["messages"]["sent"] == 20


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (lambda is_typing: is_typing, {"told": 60}),
        (lambda _: None, {"stateless": 60}),
        (lambda is_typing: is_typing or "lost", {"told": 30, "missed": 30, "stuck": 6}),
    ],
)
def test_the_others_are_told_that_it_types(make, fault, found):
    run = make(kinds=(Roamer,), clients="3", conversations="1", duration="5s", message_interval="1s")
    run.backend.typing_fault = fault
    typing = run.go()["typing"]
    assert {name: count for name, count in typing.items() if count} == {"sent": 30, "due": 60} | found
