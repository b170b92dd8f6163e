"""The log keeps positions while messages leave its head."""

import pytest

from hubbub.ledger import Connection, Counts, Message, Timings
from hubbub.ledger.latency_recorder import LatencyRecorder, NoWait
from hubbub.ledger.log import FLUSHED_AT_ONCE, Log
from hubbub.ledger.message import Producer


@pytest.fixture
def producer():
    return Producer(Connection(1, 1))


def message(producer, number=1):
    return Message(producer, number, 0, Counts(), 0, 0, b"tag", Timings())


def test_positions_outlive_a_trim(producer):
    log = Log()
    messages = [message(producer, number) for number in range(5)]
    for each in messages:
        log.append(each)
    assert log.trim(2) == messages[:2]
    assert [log.index_of(each) for each in messages[2:]] == [0, 1, 2]
    assert (len(log), log.base, messages[4].position) == (3, 2, 4)


def test_an_overtaken_message_is_never_matched_byte_for_byte(producer):
    log = Log()
    producer.last_confirmed = 7
    overtaken, newest = message(producer, 3), message(producer, 8)
    for each in (overtaken, newest):
        log.append(each)
    assert overtaken.tag is None
    assert newest.tag == b"tag"


def test_arrivals_are_taken_in_a_few_at_a_time(producer):
    log, latencies = Log(), LatencyRecorder(NoWait())
    messages = [message(producer, number) for number in range(FLUSHED_AT_ONCE + 2)]
    for each in messages:
        log.append(each)
        each.remaining = 2
        each.arrivals.append(10)
        each.arrived.append(10)
    assert log.in_flight == len(messages)
    log.flush_some(latencies)
    assert [bool(each.arrivals) for each in messages] == [False] * FLUSHED_AT_ONCE + [True] * 2
    log.flush(latencies)
    assert not any(each.arrivals for each in messages)
    assert messages[0].counts.delivered == 1
