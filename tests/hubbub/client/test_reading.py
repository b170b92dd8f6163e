"""A session that does not read: what is late or lost on its connection is our own doing, and said so."""


def test_a_slow_reader_is_counted_and_not_timed(place):
    sender, slow = place.ready(0), place.ready(1)
    slow.pause_reading()
    sender.send(place.scheduler.now_us(), "hello")
    place.scheduler.advance(1)
    assert place.ledger.counts.delivered == 1
    slow.resume_reading()
    place.scheduler.advance(1)
    assert place.ledger.counts.delivered == 2
    assert place.ledger.timings.response.count == 1, "the sender's own"
    assert "a slow reader of our own" in slow.receiver.connection.note


def test_what_was_not_read_before_a_decision_is_a_doubt(place):
    sender, slow = place.ready(0), place.ready(1)
    slow.doubt_unread()
    assert slow.receiver.connection.doubted_us == -1
    slow.pause_reading()
    sender.send(place.scheduler.now_us(), "hello")
    place.scheduler.advance(1)
    slow.doubt_unread()
    assert slow.receiver.connection.doubted_us == place.scheduler.now_us()


def test_a_session_without_a_connection_has_nothing_to_read(place):
    session = place.session()
    for each in (session.pause_reading, session.resume_reading, session.doubt_unread):
        each()
    assert session.connection is None
