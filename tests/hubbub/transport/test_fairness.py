"""No connection keeps the loop for itself."""

import gc
import threading
from contextlib import suppress

import gevent
import pytest
from gevent import monkey

from hubbub.clock import monotonic_us
from hubbub.transport.base import Dialling
from hubbub.transport.connection import SocketConnection
from hubbub.transport.fairness import FLOOD_US, FLOODED, Share, soon
from hubbub.transport.poller import Poller
from hubbub.transport.shared import Shared
from hubbub.transport.stream import Stream
from tests.e2e.test_transport import PATIENCE_S
from tests.hubbub.transport.test_frames import frame
from tests.twins.handler import Collector

new_pair = monkey.get_original("socket", "socketpair")

FLOODS = {
    "empty fragments": frame(1, b"", final=False) + frame(0, b"", final=False) * 20_000,
    "more fragments": frame(0, b"", final=False) * 20_000,
    "pings": frame(9, b"") * 20_000,
    "pongs": frame(10, b"") * 20_000,
    "small texts": frame(1, b"{}") * 20_000,
    "large texts": frame(1, b"x" * 1_000_000),
}


def test_a_share_is_earned_over_time():
    share = Share()
    assert not share.is_flooded(FLOOD_US, 5_000_000)
    assert not share.is_flooded(20_000, 5_400_000)
    assert share.is_flooded(20_000, 5_600_000)
    assert not share.is_flooded(FLOOD_US, 60_000_000)


@pytest.mark.parametrize("count", [1, 4, 10])
def test_each_share_of_several_that_flood_is_used_up(count):
    shares = [Share() for _ in range(count)]
    for share in shares:
        share.is_flooded(0, 1_000_000)
    now_us, found = 1_000_000, set()
    while len(found) < count:
        for number, share in enumerate(shares):
            now_us += 20_000
            if share.is_flooded(20_000, now_us):
                found.add(number)
        assert now_us < 60_000_000


def test_what_comes_soon_comes_after_what_waits():
    seen = []

    def again():
        seen.append("again")
        if len(seen) < 1_000:
            soon(again)

    soon(again)
    gevent.sleep(0.001)
    assert 0 < len(seen) < 1_000
    while len(seen) < 1_000:
        gevent.sleep(0)


def test_a_full_collection_is_not_the_peer_s_doing():
    share = Share()
    share.is_flooded(20_000, 1_000_000)
    gc.collect()
    assert not share.is_flooded(2 * FLOOD_US, 1_000_001)
    assert share.is_flooded(2 * FLOOD_US, 1_000_002)


class Parser(Collector):
    """A handler that does as much for a text as a contract does."""

    def on_message(self, payload, now_us, arrived_us, raw):
        for _ in range(3):
            payload.decode().encode()


@pytest.mark.parametrize("kind", ["empty fragments", "pings", "pongs", "small texts", "large texts"])
def test_a_flood_ends_its_connection_and_no_other(kind):
    shared = Shared(Dialling(timeout_us=5_000_000), seed=0, clock=monotonic_us)
    poller = Poller(shared)
    flooded, quiet = Parser(), Collector()
    ours, theirs = new_pair()
    ours.setblocking(False)
    is_over = threading.Event()

    def flood():
        data = FLOODS[kind]
        with suppress(OSError):
            while not is_over.is_set():
                theirs.sendall(data)
                data = FLOODS["more fragments"] if kind == "empty fragments" else data

    def drink():
        with suppress(OSError):
            while theirs.recv(1 << 16):
                continue

    connection = SocketConnection(shared, poller, Stream(ours), flooded, flooded.on_closed, b"", None)
    other, peer = new_pair()
    other.setblocking(False)
    SocketConnection(shared, poller, Stream(other), quiet, quiet.on_closed, b"", None)
    threads = [threading.Thread(target=each, daemon=True) for each in (flood, drink)]
    for thread in threads:
        thread.start()
    sent = 0
    while not flooded.over.wait(0.01):
        peer.sendall(frame(1, b"x"))
        sent += 1
        assert sent < 100 * PATIENCE_S
    ((code, reason),) = flooded.closed
    assert (code, reason) == (1008, FLOODED)
    assert not connection.is_open
    while len(quiet.messages) < sent:
        gevent.sleep(0.01)
    assert quiet.closed == []
    is_over.set()
    theirs.close()
    peer.close()
