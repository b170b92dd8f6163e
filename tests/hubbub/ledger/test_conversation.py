"""A conversation knows who is due a message, also of those that have left."""

import pytest

from hubbub.ledger import Connection, Conversation, Counts, Message, Timings
from hubbub.ledger.message import Producer
from hubbub.ledger.subscription import REMEMBER_CLOSED_US


@pytest.fixture(params=[True, False], ids=["echo", "no echo"])
def conversation(request):
    return Conversation(0, 50, frozenset({1}), has_echo=request.param)


def subscribe(conversation, number, ready_us):
    producer = Producer(Connection(number, 1))
    subscription = conversation.subscribe(producer.connection)
    conversation.ready(subscription, ready_us)
    return producer, subscription


def message(producer, intended_us):
    return Message(producer, 1, 0, Counts(), intended_us, intended_us, b"tag", Timings())


def test_only_who_was_ready_at_the_intended_time_is_due(conversation):
    (one, _), _ = subscribe(conversation, 1, 100), subscribe(conversation, 2, 200)
    due = [conversation.open_due(message(one, time_us)) for time_us in (99, 100, 200)]
    assert due == ([0, 1, 2] if conversation.has_echo else [0, 0, 1])


def test_a_closed_subscription_is_due_what_was_meant_before_its_end(conversation):
    (one, first), (two, _) = subscribe(conversation, 1, 100), subscribe(conversation, 2, 100)
    conversation.close(first, 300)
    assert len(conversation.closed_due(message(two, 299))) == 1
    assert conversation.closed_due(message(two, 300)) == []
    assert len(conversation.closed_due(message(one, 299))) == conversation.has_echo


def test_a_subscription_that_was_never_ready_is_due_nothing(conversation):
    producer = Producer(Connection(1, 1))
    subscription = conversation.subscribe(producer.connection)
    conversation.close(subscription, 300)
    assert conversation.closed_due(message(producer, 200)) == []
    assert conversation.subscribe(producer.connection) is subscription
    assert subscription.is_open


def test_what_is_gone_is_not_found(conversation):
    _, subscription = subscribe(conversation, 1, 100)
    assert conversation.find(1) is subscription
    conversation.remove(subscription)
    assert conversation.find(1) is None
    assert conversation.subscriptions == []


def test_closed_subscriptions_are_forgotten_in_the_end(conversation):
    (_, first), (two, _) = subscribe(conversation, 1, 100), subscribe(conversation, 2, 100)
    conversation.close(first, 300)
    conversation.trim(0, 300 + REMEMBER_CLOSED_US)
    assert conversation.closed_due(message(two, 200))
    conversation.trim(0, 301 + REMEMBER_CLOSED_US)
    assert not conversation.closed_due(message(two, 200))
    assert "2 subscriptions" in repr(conversation)


def test_a_long_run_does_not_fill_the_memory_with_what_was_seen():
    conversation = Conversation(0, 1, frozenset(), True)
    conversation.remember_seen(at_most=3)
    for key in range(3):
        conversation.saw(key)
    assert list(conversation.seen) == [0, 1, 2]
    conversation.saw(3)
    assert conversation.seen is None
    conversation.saw(4)
    assert conversation.seen is None


def test_who_left_is_no_member_for_what_is_sent_later():
    conversation = Conversation(0, 50, frozenset({1, 2}), True)
    assert conversation.has_member(1, 0)
    assert not conversation.has_member(3, 0)
    conversation.ended_membership(1, 100)
    assert [conversation.has_member(1, since_us) for since_us in (99, 100, 101)] == [True, True, False]
    assert conversation.has_member(2, 101)
    conversation.may_be_member(1)
    assert conversation.has_member(1, 101)
