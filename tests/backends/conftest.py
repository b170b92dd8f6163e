"""A server for a test, and runs against it whose counts have to be exact."""

import pytest

CLIENTS, MESSAGES = 12, 4
SMALL = ("--clients", CLIENTS, "--duration", "2s", "--message-interval", "500ms", "--preflight", "off")
SENT = CLIENTS * MESSAGES
LONGER = ("--clients", CLIENTS, "--duration", "6s", "--message-interval", "500ms", "--preflight", "off")
LONGER_SENT = CLIENTS * 12


def assert_all_arrived_once(found, sent):
    """Every message was taken, and reached all clients once, in order."""
    due = sent * CLIENTS
    messages, deliveries = found["messages"], found["deliveries"]
    assert messages | {"sent": sent, "confirmed": sent, "unsent": 0} == messages
    assert deliveries | {"due": due, "delivered": due, "received": due, "lost": 0, "excused": 0} == deliveries
    assert (deliveries["duplicated"], deliveries["out_of_order"], deliveries["leaked"]) == (0, 0, 0)


@pytest.fixture
def server(tmp_path_factory):
    """Start a server; it ends with the test."""
    started = []

    def server(make, *options):
        started.append(make(tmp_path_factory.mktemp("server"), *options))
        return started[-1]

    yield server
    for each in started:
        each.end()


@pytest.fixture
def exact(hubbub, summary):
    """Run against a server; every message was taken, and reached everyone it should. Returns the summary."""

    def exact(server, contract, *options, has_echo=True, rooms=1):
        run = hubbub("perf-ws", "--host", server.origin, "--contract", contract, *SMALL, *options)
        assert run.code() in (0, 3), run.text
        found = summary()
        in_room = CLIENTS // rooms
        due = SENT * (in_room if has_echo else in_room - 1)
        messages, deliveries = found["messages"], found["deliveries"]
        assert messages | {"sent": SENT, "confirmed": SENT, "unsent": 0} == messages, run.text
        assert deliveries | {"due": due, "delivered": due, "received": due, "lost": 0} == deliveries, run.text
        assert (deliveries["duplicated"], deliveries["out_of_order"], deliveries["leaked"]) == (0, 0, 0)
        assert found["errors"] == [], run.text
        return found

    return exact
