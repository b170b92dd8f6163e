"""A slow reader of our own: what is late or lost there is our own doing."""

from users.chatter import Chatter
from users.slow_reader import SlowReader


def test_what_it_gets_is_counted_and_not_timed(make):
    summary = make(kinds=(Chatter, SlowReader), clients="4", duration="12s", message_interval="1s").go()
    assert summary["deliveries"]["delivered"] == summary["deliveries"]["due"] == 24 * 4
    assert 24 * 2 <= summary["latency_ms"]["response"]["count"] < 24 * 3
    assert summary["verdict"]["result"] != "FAIL"
