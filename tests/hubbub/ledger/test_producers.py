"""Producers are numbered, and forgotten when nothing is left of them."""

from hubbub.ledger import Counts, Message, Timings
from hubbub.ledger.producers import Producers


def test_producers_are_numbered_from_the_first():
    producers = Producers(100)
    assert [producers.open(account).id for account in (3, 4)] == [100, 101]
    assert producers.get(101).connection.account == 4
    assert producers.get(102) is None
    assert len(list(producers)) == 2


def test_a_dead_producer_is_kept_until_its_messages_are_decided():
    producers = Producers(1)
    producer = producers.open(0)
    message = Message(producer, 1, 0, Counts(), 0, 0, b"tag", Timings())
    producer.messages[1] = producer.pending[1] = message
    producers.close(producer, 50, is_ours=True)
    producers.forget_dead()
    assert list(producers.pending()) == [message]
    assert (producer.died_us, producer.is_death_ours) == (50, True)
    producer.messages.clear()
    producers.forget_dead()
    assert producers.get(1) is None
    producers.forget_dead()
