"""A lurker receives and sends nothing."""

from users.chatter import Chatter
from users.lurker import Lurker


def test_it_receives_and_plans_nothing(make):
    summary = make(kinds=(Chatter, Lurker), clients="4", duration="4s", message_interval="1s").go()
    assert summary["messages"] | {"planned": 8, "sent": 8} == summary["messages"]
    assert summary["deliveries"]["delivered"] == 8 * 4


def test_lurkers_alone_are_judged_on_their_connections(make):
    summary = make(kinds=(Lurker,), clients="4", duration="4s").go()
    assert summary["verdict"]["result"] == "PASS", summary["verdict"]
    assert summary["clients"]["applied"] == 1.0


def test_lurkers_whose_connections_drop_fail(make):
    run = make(kinds=(Lurker,), clients="4", duration="4s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 1_000_000)
    for connection in list(run.backend.connections):
        connection.end(1006, "gone")
    assert run.to_the_end()["verdict"]["result"] == "FAIL"
