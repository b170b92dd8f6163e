"""A chatter keeps to its plan, or waits for each message to be seen."""

from hubbub.errors import Closing
from users.chatter import PATIENCE_S, Chatter


def test_one_message_at_every_interval(make):
    summary = make(kinds=(Chatter,), clients="3", duration="6s", message_interval="2s").go()
    assert summary["messages"] | {"sent": 9, "unsent": 0} == summary["messages"]


def test_in_the_closed_model_the_next_one_waits_for_the_last(make):
    run = make(clients="2", duration="10s", message_interval="1s", model="closed")
    run.backend.delay_s = 1.0
    summary = run.go()
    assert 2 * 3 <= summary["messages"]["sent"] <= 2 * 4


def test_its_patience_ends(make):
    run = make(clients="1", duration="70s", message_interval="1s", model="closed", fault=lambda _: "swallow")
    summary = run.go()
    assert summary["messages"]["sent"] == 70 // (PATIENCE_S + 1) + 1


def test_while_a_connection_closes_nothing_is_sent(make):
    run = make(clients="2", duration="10s", message_interval="1s")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 2_000_000)
    connection = next(iter(run.backend.connections))
    connection.is_open = False
    run.scheduler.advance(1)
    run.backend.connections.discard(connection)
    connection.on_closed(Closing(1006, "gone"), run.scheduler.now_us())
    summary = run.to_the_end()
    assert summary["connections"]["dropped"] == 1
    assert summary["messages"]["sent"] == 20


def test_a_message_that_waits_to_be_written_is_not_unsent_as_well(make):
    run = make(message_interval="1s", duration="60s", clients="1")
    run.begin()
    run.until(lambda: run.run.elapsed_us > 2_500_000)
    (connection,) = run.backend.connections
    write = connection.send
    connection.send = lambda text: (run.scheduler.sleep(5), write(text))[1]
    run.until(lambda: run.run.elapsed_us > 3_200_000)
    run.run.stop()
    messages = run.to_the_end()["messages"]
    assert messages["planned"] == messages["sent"] + messages["unsent"] == 4
