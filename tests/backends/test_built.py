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


def of_poster(*options):
    return ("--mix", "Poster=1", *options)


@pytest.mark.parametrize("workers", [0, 2])
def test_matrix_is_counted_and_heard_by_the_canary(server, exact, workers):
    backend = server(servers.synapse)
    found = exact(backend, "matrix", *of_poster("--canary", "--workers", workers), rooms=max(1, workers))
    assert found["canary"]["received"] == SENT // max(1, workers)


def test_what_matrix_kept_for_lost_connections_is_due(server, hubbub, summary, tmp_path):
    backend = server(lambda _: servers.synapse(tmp_path))
    run = hubbub("perf-ws", "--host", backend.origin, "--contract", "matrix", *of_poster(*LONGER))
    wait_until(lambda: "clients are ready; sending" in run.text, 60)
    wait_until(lambda: '"delivered": ' in (tmp_path / "run" / "journal.jsonl").read_text(), 60)
    backend.end()
    server(lambda _: servers.synapse(tmp_path, backend.port))
    assert run.code() == 1, run.text  # connections that drop are an objective that is broken
    found = summary()
    messages, deliveries = found["messages"], found["deliveries"]
    assert found["connections"]["dropped"] == CLIENTS
    assert deliveries["due"] == deliveries["delivered"] == messages["confirmed"] * CLIENTS
    assert deliveries["recovered"] > 0
    assert (deliveries["lost"], deliveries["excused"], deliveries["duplicated"]) == (0, 0, 0)
