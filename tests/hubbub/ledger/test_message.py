"""A message, and the producer that answers are given to."""

import pytest

from hubbub.ledger import Connection, Counts, Message, Timings
from hubbub.ledger.message import Producer


@pytest.fixture
def producer():
    return Producer(Connection(9, 1))


def sent(producer, number, conversation=0):
    message = Message(producer, number, conversation, Counts(), 5, 10, b"tag", Timings())
    producer.messages[number] = producer.pending[number] = message
    return message


def test_a_refusal_goes_to_the_nearest_message_without_an_answer(producer):
    one, two = sent(producer, 1), sent(producer, 2)
    assert producer.refuse("refused")
    assert producer.refuse("throttled")
    assert (one.refusal, two.refusal) == ("throttled", "refused")
    assert not producer.refuse("refused")


def test_a_refusal_may_be_limited_to_earlier_messages(producer):
    one, two = sent(producer, 1), sent(producer, 2)
    assert producer.refuse("refused", before=2)
    assert (one.refusal, two.refusal) == ("refused", "")


def test_the_last_forgotten_message_of_each_conversation_is_kept(producer):
    for number, conversation in ((1, 0), (3, 0), (2, 0), (4, 1)):
        producer.forget(sent(producer, number, conversation))
    assert {index: message.number for index, message in producer.forgotten.items()} == {0: 3, 1: 4}
    assert not producer.messages
    assert producer.forgotten[0].tag is None


def test_what_a_living_connection_may_have_missed(producer):
    message = sent(producer, 1)
    assert not producer.may_have_missed(message)
    producer.connection.doubt("stalled", 10)
    assert producer.may_have_missed(message)
    producer.died_us = 20
    assert not producer.is_alive
    assert not producer.may_have_missed(message)


def test_a_message_is_seen_once_it_has_a_position(producer):
    message = sent(producer, 1)
    assert not message.is_seen
    message.position = 0
    assert message.is_seen
    assert repr(message) == "<Message 9:1 at 0, 0 due>"


def test_timings_merge_and_travel():
    timings = Timings()
    timings.response.record(5)
    twice = Timings.from_dict(timings.to_dict())
    twice.merge(timings)
    assert twice.response.count == 2
    assert twice.since(timings).response.count == 1
    twice.clear()
    assert twice.response.count == 0
