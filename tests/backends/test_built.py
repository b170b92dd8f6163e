"""Contracts against servers that take minutes to install: `make test-backends`."""

import pytest

from tests.backends import servers
from tests.backends.conftest import CLIENTS, LONGER, LONGER_SENT, SENT, assert_all_arrived_once
from tests.support import wait_until

pytestmark = pytest.mark.backends


def published(server):
    """The channel of a run, and how many messages it has taken; None before there is one."""
    channels = list(server.call("channels")["result"]["channels"])
    if not channels:
        return None
    return server.call("history", channel=channels[0])["result"].get("offset", 0)


@pytest.mark.parametrize("workers", [0, 2])
def test_centrifugo_is_counted_as_it_counts(server, exact, workers):
    backend = server(servers.centrifugo)
    exact(backend, "centrifugo", "--workers", workers, rooms=max(1, workers))


def test_what_centrifugo_kept_for_lost_connections_is_due(server, hubbub, summary):
    backend = server(servers.centrifugo)
    run = hubbub("perf-ws", "--host", backend.origin, "--contract", "centrifugo", *LONGER)
    wait_until(lambda: (published(backend) or 0) >= SENT, 60)
    backend.call("disconnect", user="")
    wait_until(lambda: (published(backend) or 0) == LONGER_SENT, 60)
    assert run.code() == 1, run.text  # a connection that drops is an objective that is broken
    found = summary()
    assert found["connections"]["dropped"] == CLIENTS
    assert_all_arrived_once(found, LONGER_SENT)
    assert found["deliveries"]["recovered"] > 0
