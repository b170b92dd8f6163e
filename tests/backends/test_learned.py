"""`hubbub learn` on what Chromium saw of two people chatting: what it proposes is tried as it is, and exact."""

import sys

import pytest
import requests

from tests.backends import chromium, servers
from tests.backends.conftest import CLIENTS, SENT, SMALL
from tests.support import ROOT

pytestmark = pytest.mark.servers


def own(folder):
    port = servers.free_port()
    return servers.Server([sys.executable, ROOT / "tests" / "backends" / "own_server.py", port], folder, port)


def embedded(folder):
    port = servers.free_port()
    command = [sys.executable, "-m", "backend", "--port", port]
    return servers.Server(command, folder, port, env={"PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize(
    ("make", "script"),
    [(embedded, chromium.EMBEDDED), (servers.socketio, chromium.SOCKETIO), (own, chromium.OWN)],
    ids=["embedded", "socketio", "own"],
)
def test_what_is_learned_needs_no_change(start, hubbub, summary, server, tmp_path, make, script):
    backend = server(make)
    chromium.record(backend.origin, script, tmp_path / "capture.har")
    proposal = start(sys.executable, "-m", "hubbub", "learn", tmp_path / "capture.har")
    assert proposal.code() == 0, proposal.text
    contract = tmp_path / "learned.toml"
    contract.write_text(proposal.text)
    assert chromium.PASSWORD not in proposal.text

    options = ("--contract", contract, "--host", backend.origin)
    tried = start(sys.executable, "-m", "hubbub", "try", *options, "--max-conns-per-user", 2, "--ready-timeout", "3s")
    assert tried.code() == 0, tried.text

    run = hubbub("perf-ws", *options, *SMALL)
    assert run.code() in (0, 3), run.text
    messages, deliveries = summary()["messages"], summary()["deliveries"]
    assert (messages["sent"], messages["confirmed"]) == (SENT, SENT), run.text
    assert deliveries | {"due": SENT * CLIENTS, "delivered": SENT * CLIENTS, "lost": 0, "duplicated": 0} == deliveries
    assert requests.get(f"{backend.origin}/counts", timeout=5).status_code in (200, 404)
