"""What the backend has stored confirms what was not seen, and is compared with what was."""

import pytest

from hubbub.client.history import MAX_MESSAGES, PAGE, choose, read_back


def say(place, session, count=1, is_seen=True):
    if not is_seen:
        place.backend.fault = lambda _: "not delivered"
    for _ in range(count):
        session.send(place.scheduler.now_us(), " hello")
        place.scheduler.advance(0.1)


@pytest.mark.parametrize(("which", "chosen"), [("all", [0, 1]), ("sample", [0, 1]), ("none", [])])
def test_conversations_are_chosen_before_the_run(place, which, chosen):
    choose(place.context, which)
    assert [i for i, each in place.ledger.conversations.items() if each.seen is not None] == chosen


def test_what_is_stored_and_was_seen_agrees(place):
    choose(place.context, "all")
    say(place, place.ready(), PAGE + 5)
    history, problem = read_back(place.context, place.backend.request, "all")
    assert (history.conversations, history.stored, history.delivered_not_stored, problem) == (2, PAGE + 5, 0, "")


def test_an_unseen_message_that_is_stored_is_confirmed(place):
    say(place, place.ready(), is_seen=False)
    assert len(place.ledger.unseen()) == 1
    read_back(place.context, place.backend.request, "none")
    assert place.ledger.unseen() == []
    assert place.ledger.counts.confirmed == 1


def test_a_history_that_cannot_be_read_has_a_reason(place):
    choose(place.context, "all")
    place.ready()
    place.backend.refuse["messages"] = 500
    history, problem = read_back(place.context, place.backend.request, "all")
    assert history.conversations == 0
    assert "HTTP 500" in problem


def test_without_a_login_nothing_can_be_read(place):
    choose(place.context, "all")
    assert read_back(place.context, place.backend.request, "all")[1] == "there is none that can be read"
    choose(place.context, "sample")
    assert read_back(place.context, place.backend.request, "sample")[1] == ""


def test_a_sample_is_not_as_long_as_a_whole_night(place, monkeypatch):
    monkeypatch.setattr("hubbub.client.history.SAMPLE_MESSAGES", 2)
    choose(place.context, "sample")
    say(place, place.ready(), 3)
    history, _ = read_back(place.context, place.backend.request, "sample")
    assert (history.conversations, history.stored) == (1, 0)


def test_an_endless_history_ends(place, monkeypatch):
    monkeypatch.setattr("hubbub.client.history.MAX_MESSAGES", 3)
    choose(place.context, "all")
    say(place, place.ready(), 5)
    assert "longer than 3 messages" in read_back(place.context, place.backend.request, "all")[1]
    assert MAX_MESSAGES > 3
