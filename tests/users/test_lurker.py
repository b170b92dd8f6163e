"""A lurker receives and sends nothing."""

from users.chatter import Chatter
from users.lurker import Lurker


def test_it_receives_and_plans_nothing(make):
    summary = make(kinds=(Chatter, Lurker), clients="4", duration="4s", message_interval="1s").go()
    assert summary["messages"] | {"planned": 8, "sent": 8} == summary["messages"]
    assert summary["deliveries"]["delivered"] == 8 * 4
