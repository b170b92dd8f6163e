"""What the backend has stored confirms what was not seen, and is compared with what was."""

import json
import re

import pytest

from hubbub.client import history as module
from hubbub.client.history import PAGE, ReadBack, choose


def say(place, session, count=1, is_seen=True):
    if not is_seen:
        place.backend.fault = lambda _: "not delivered"
    for _ in range(count):
        session.send(place.scheduler.now_us(), " hello")
        place.scheduler.advance(0.1)


def read_back(place, how_many="all", request=None):
    """Read everything; returns the reading."""
    reading = ReadBack(place.context, request or place.backend.request, how_many, place.told.append)
    place.do(reading.run)
    reading.close()
    return reading


@pytest.fixture
def place(place):
    place.told = []
    return place


@pytest.fixture
def seen(place):
    """A place with 25 messages that were seen, in a conversation that is compared."""
    choose(place.context, "all")
    say(place, place.ready(), 25)
    del place.ledger.conversations[1]
    return place


def pages(place, page_of):
    """Answers calls for a history by `page_of(all its messages, newest first; limit; offset)`."""
    calls = []

    def request(method, path, headers, body):
        found = re.search(r"limit=(\d+)&offset=(\d+)", path)
        everything = json.loads(
            place.backend.request(method, re.sub(r"limit=.*", "limit=1000000&offset=0", path), headers, body)[1]
        )
        calls.append(int(found[2]))
        return 200, json.dumps(page_of(everything, int(found[1]), int(found[2]))).encode()

    request.calls = calls
    return request


@pytest.mark.parametrize(("which", "chosen"), [("all", [0, 1]), ("sample", [0, 1]), ("none", [])])
def test_conversations_are_chosen_before_the_run(place, which, chosen):
    choose(place.context, which)
    assert [i for i, each in place.ledger.conversations.items() if each.seen is not None] == chosen


def test_what_is_stored_and_was_seen_agrees(place):
    choose(place.context, "all")
    say(place, place.ready(), PAGE + 5)
    reading = read_back(place)
    history = reading.history
    assert (history.conversations, history.stored, history.delivered_not_stored) == (2, PAGE + 5, 0)
    assert (history.wanted, history.unknown, reading.problem) == (PAGE + 5, 0, "")


def test_an_unseen_message_that_is_stored_is_confirmed(place):
    say(place, place.ready(), is_seen=False)
    assert len(place.ledger.unseen()) == 1
    reading = read_back(place, "sample")
    assert place.ledger.unseen() == []
    assert place.ledger.counts.confirmed == reading.history.stored_not_delivered == 1


def test_with_none_nothing_is_read(place):
    say(place, place.ready(), is_seen=False)
    request = pages(place, lambda *_: [])
    reading = read_back(place, "none", request)
    assert (request.calls, reading.history.wanted, reading.problem) == ([], 0, "")
    assert len(place.ledger.unseen()) == 1


def test_what_two_whole_readings_lack_is_not_stored(seen):
    request = pages(seen, lambda messages, limit, offset: messages[3:][offset : offset + limit])
    reading = read_back(seen, request=request)
    assert (reading.history.delivered_not_stored, reading.history.unknown, reading.problem) == (3, 0, "")
    assert request.calls == [0, 22, 0, 22]


def test_what_the_second_reading_has_is_stored(seen):
    counted = []

    def page_of(messages, limit, offset):
        counted.append(offset)
        return (messages if len(counted) > 2 else messages[3:])[offset : offset + limit]

    reading = read_back(seen, request=pages(seen, page_of))
    assert (reading.history.delivered_not_stored, reading.history.stored, reading.problem) == (0, 25, "")


@pytest.mark.parametrize("is_ascending", [False, True])
def test_pages_in_any_order_and_of_any_length_are_read(seen, is_ascending):
    def page_of(messages, limit, offset):
        return (messages[::-1] if is_ascending else messages)[offset : offset + min(limit, 7)]

    reading = read_back(seen, request=pages(seen, page_of))
    assert (reading.history.stored, reading.history.unknown, reading.problem) == (25, 0, "")


@pytest.mark.parametrize("size", [10, 24])
def test_a_backend_that_repeats_its_pages_accuses_nobody(seen, size):
    request = pages(seen, lambda messages, *_: messages[-size:])
    reading = read_back(seen, request=request)
    history = reading.history
    assert (history.stored, history.delivered_not_stored, history.unknown) == (size, 0, 25 - size)
    assert reading.problem == f"the backend repeats its pages ({size} of 25 messages of conversation 50)"
    assert request.calls == [0, size]


def test_a_repeated_page_that_has_everything_is_enough(seen):
    reading = read_back(seen, request=pages(seen, lambda messages, *_: messages))
    assert (reading.history.stored, reading.history.unknown, reading.problem) == (25, 0, "")


def test_unseen_messages_of_a_repeated_page_are_unknown(place):
    say(place, place.ready(), 30, is_seen=False)
    reading = read_back(place, "sample", pages(place, lambda messages, *_: messages[-10:]))
    history = reading.history
    assert (history.stored_not_delivered, history.not_stored, history.unknown) == (10, 0, 20)
    assert len(place.ledger.unseen()) == 20
    assert not place.ledger.conversations[0].is_read_back


def test_an_empty_answer_from_a_cache_accuses_nobody(seen):
    seen.context.histories_read_us[0] = seen.scheduler.now_us() - 119_000_000
    reading = read_back(seen, request=pages(seen, lambda *_: []))
    assert (reading.history.delivered_not_stored, reading.history.unknown) == (0, 25)
    assert "may have answered from a cache" in reading.problem
    seen.context.histories_read_us[0] = seen.scheduler.now_us() - 121_000_000
    assert read_back(seen, request=pages(seen, lambda *_: [])).history.delivered_not_stored == 25


def test_an_endless_history_ends(seen):
    def page_of(messages, limit, offset):
        return [{"id": 10_000 + offset + n, "content": "an old one"} for n in range(5)]

    request = pages(seen, page_of)
    reading = read_back(seen, request=request)
    assert len(request.calls) == 10 + 25 / 5
    assert reading.problem == "it is longer than 15 pages (0 of 25 messages of conversation 50)"
    assert reading.history.unknown == 25


def test_a_history_that_cannot_be_read_has_a_reason(seen):
    seen.backend.refuse["messages"] = 500
    reading = read_back(seen)
    assert (reading.history.delivered_not_stored, reading.history.unknown) == (0, 25)
    assert "(0 of 25 messages" in reading.problem


@pytest.mark.parametrize("answer", [[{"id": None}], {"id": 1}, [1], "x", [{"id": 1, "content": 5}]])
def test_an_answer_of_the_wrong_shape_is_a_doubt(seen, answer):
    reading = read_back(seen, request=pages(seen, lambda *_: answer))
    assert reading.history.unknown == 25
    assert "GET /api/conversations/50/messages" in reading.problem


def test_a_reading_that_is_ended_says_what_it_has(seen):
    def page_of(messages, limit, offset):
        if offset:
            seen.scheduler.sleep(1_000)
        return messages[:5]

    reading = ReadBack(seen.context, pages(seen, page_of), "all", seen.told.append)
    task = seen.scheduler.spawn(reading.run)
    seen.scheduler.advance(1)
    task.kill(block=False)
    reading.close()
    assert (reading.history.unknown, reading.history.delivered_not_stored) == (25, 0)
    assert reading.problem == "reading it was stopped (0 of 25 messages of conversation 50)"


def test_a_slow_reading_says_how_far_it_is(seen):
    def page_of(messages, limit, offset):
        seen.scheduler.sleep(1.5)
        return messages[offset : offset + 5]

    read_back(seen, request=pages(seen, page_of))
    assert len(seen.told) == 2
    assert seen.told[0] == "reading histories back: 10 messages of conversation 50, 0 conversations left"


def test_without_a_login_nothing_can_be_read(place):
    choose(place.context, "all")
    assert read_back(place).problem.startswith("there is none that can be read")
    choose(place.context, "sample")
    assert read_back(place, "sample").problem == ""


def test_a_sample_is_not_as_long_as_a_whole_night(place, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_MESSAGES", 2)
    choose(place.context, "sample")
    say(place, place.ready(), 3)
    history = read_back(place, "sample").history
    assert (history.conversations, history.stored, history.too_long) == (1, 0, 1)


def test_a_limit_of_calls_is_waited_for(seen):
    seen.backend.refuse["messages"] = 429
    reading = ReadBack(seen.context, seen.backend.request, "all", seen.told.append)
    task = seen.scheduler.spawn(reading.run)
    seen.scheduler.advance(4)
    seen.backend.refuse.clear()
    seen.scheduler.run(task.ready)
    assert (reading.history.stored, reading.problem) == (25, "")


def test_one_page_is_sample_enough_where_everything_was_seen(place):
    choose(place.context, "sample")
    say(place, place.ready(), 30)
    reading = read_back(place, "sample", pages(place, lambda messages, *_: messages[-10:]))
    assert (reading.history.unknown, reading.problem) == (20, "")
    say(place, place.ready(), is_seen=False)
    reading = read_back(place, "sample", pages(place, lambda messages, *_: messages[-10:]))
    assert "the backend repeats its pages" in reading.problem


def test_who_may_not_read_lets_another_member_read(seen):
    place, readers = seen, []
    other = place.ready(1)

    def request(method, path, headers, body):
        readers.append(headers["Authorization"][7:])
        if readers[-1] != other.identity.token:
            return 403, b"{}"
        return place.backend.request(method, path, headers, body)

    reading = read_back(place, request=request)
    assert reading.problem == ""
    assert reading.history.stored == 25
    assert len(set(readers)) == 2


def test_who_has_left_is_not_asked_to_read(seen):
    place = seen
    place.ready(1)
    place.ledger.ended_membership(0, 0, place.scheduler.now_us() - 1)
    place.backend.members[50].discard(1)
    first = place.context.accounts[0].identity.token
    readers = []

    def request(method, path, headers, body):
        readers.append(headers["Authorization"][7:])
        return place.backend.request(method, path, headers, body)

    assert read_back(place, request=request).problem == ""
    assert first not in readers


@pytest.mark.parametrize(("dies_after_s", "is_needed"), [(1, False), (6, True)])
def test_one_page_is_enough_where_a_connection_died_too_soon(seen, dies_after_s, is_needed):
    """What it lacks is not known; but whether it was stored decides nothing, because the message is indefinite."""
    place = seen
    session = place.ready(1)
    place.backend.fault = lambda _: "swallow"
    session.send(place.scheduler.now_us(), " x")
    place.scheduler.advance(dies_after_s)
    place.do(session.close)
    reading = read_back(place, "sample", pages(place, lambda stored, limit, _: stored[:limit][::-1]))
    assert reading.history.unknown == 1
    assert ("repeats its pages" in reading.problem) == is_needed
