"""What is known of a connection explains its anomalies, each thing once."""

from hubbub.ledger import Connection


def test_what_is_known_is_said_once():
    connection = Connection(1, 2)
    connection.explain("slow")
    connection.explain("slow")
    connection.doubt("late", 50)
    assert (connection.note, connection.doubted_us) == ("slow; late", 50)
    assert connection.is_timed
