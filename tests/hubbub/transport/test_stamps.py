"""Receive stamps: what they mean, when they mean nothing, and that the kernel's own are right."""

import ssl
import struct

import gevent
import pytest
import trustme
from gevent import monkey
from gevent.threadpool import ThreadPool

from hubbub.clock import monotonic_us
from hubbub.errors import ConnectError
from hubbub.transport.base import Dialling
from hubbub.transport.connection import SocketConnection
from hubbub.transport.poller import Poller
from hubbub.transport.shared import Shared
from hubbub.transport.stamps import SO_TIMESTAMPNS, ReceiveStamps
from hubbub.transport.stream import Stream
from tests.e2e.test_transport import wait_for
from tests.hubbub.transport.test_frames import frame
from tests.twins.handler import Collector

new_socket = monkey.get_original("socket", "socket")
new_semaphore = monkey.get_original("threading", "Semaphore")
really_sleep = monkey.get_original("time", "sleep")
OFFSET_US = 1_000_000_000_000


class Clocks:
    """CLOCK_MONOTONIC and CLOCK_REALTIME, set by hand; a read of both takes `width_us`."""

    def __init__(self):
        self.now_us, self.offset_us, self.width_us = 5_000_000, OFFSET_US, 0

    def __call__(self):
        real_us = self.now_us + self.width_us // 2 + self.offset_us
        return self.now_us * 1_000, real_us * 1_000, (self.now_us + self.width_us) * 1_000


@pytest.fixture
def clocks():
    return Clocks()


@pytest.fixture
def stamps(clocks):
    stamps = ReceiveStamps(True, clocks)
    yield stamps
    stamps.close()


def said(real_us):
    """What the kernel says with a read: a stamp of CLOCK_REALTIME."""
    return [(1, SO_TIMESTAMPNS, struct.pack("@ll", real_us // 1_000_000, real_us % 1_000_000 * 1_000))]


def test_a_stamp_is_mapped_to_the_clock_of_the_figures(stamps):
    assert stamps.arrived_us(said(4_999_000 + OFFSET_US), 5_000_000, 4_000_000) == 4_999_000


def test_a_stamp_before_the_last_empty_look_is_believed(stamps):
    """The kernel may take a while from receiving a packet to showing it to us: that is not the backend's time."""
    assert stamps.arrived_us(said(3_000_000 + OFFSET_US), 5_000_000, 4_000_000) == 3_000_000


@pytest.mark.parametrize(
    "ancillary",
    [[], said(0), said(5_000_001 + OFFSET_US), said(9_000_000 + OFFSET_US)],
    ids=["missing", "0", "later than the read began", "the future"],
)
def test_what_cannot_be_the_time_of_a_packet_is_no_stamp(stamps, ancillary):
    assert stamps.arrived_us(ancillary, 5_000_000, 4_000_000) == 4_000_000


def test_clocks_that_keep_their_distance_are_steady(stamps, clocks):
    clocks.now_us += 1_000_000
    clocks.offset_us += 100
    assert stamps.are_steady()
    assert stamps.arrived_us(said(clocks.now_us + clocks.offset_us), clocks.now_us, 0) == clocks.now_us


@pytest.mark.parametrize("jump_us", [101, -101, -1_000_000, 3_600_000_000])
def test_a_jump_spoils_the_second_before_and_the_second_after(stamps, clocks, jump_us):
    assert stamps.are_steady()
    clocks.offset_us += jump_us
    assert [stamps.are_steady() for _ in range(3)] == [False, False, True]


def test_the_bound_is_that_of_the_widest_comparison(stamps, clocks):
    assert stamps.bound_us == 0
    clocks.width_us = 30
    stamps.are_steady()
    clocks.width_us = 10
    stamps.are_steady()
    assert stamps.bound_us == 15


def test_stamps_that_are_not_wanted_or_not_to_be_had_are_off(clocks, monkeypatch):
    assert not ReceiveStamps(False, clocks).is_on
    monkeypatch.setattr("sys.platform", "darwin")
    assert not ReceiveStamps(True, clocks).is_on
    monkeypatch.undo()
    monkeypatch.setattr("hubbub.transport.stamps.SO_TIMESTAMPNS", 0x7FFF)
    refused = ReceiveStamps(True, clocks)
    assert not refused.is_on
    with new_socket() as connected:
        refused.enable(connected)
    refused.close()
    refused.close()


# -- real sockets ------------------------------------------------------------------------------------------------------


class Timed(Collector):
    """A handler that keeps the times of its messages."""

    def __init__(self):
        super().__init__()
        self.times = []

    def on_message(self, payload, now_us, arrived_us, frame):
        super().on_message(payload, now_us, arrived_us, frame)
        self.times.append((now_us, arrived_us))


@pytest.fixture(params=[True, False], ids=["with stamps", "without stamps"])
def shared(request):
    shared = Shared(Dialling(timeout_us=5_000_000, wants_stamps=request.param), seed=0, clock=monotonic_us)
    yield shared
    shared.stamps.close()


@pytest.fixture
def poller(shared):
    return Poller(shared)


@pytest.fixture
def connect(shared, poller):
    """A connection over TCP, its handler, and the peer's socket."""
    opened = []

    def connect():
        listening = new_socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        ours = new_socket()
        shared.stamps.enable(ours)
        ours.connect(listening.getsockname())
        ours.setblocking(False)
        theirs, _ = listening.accept()
        opened.extend((listening, theirs))
        handler = Timed()
        connection = SocketConnection(shared, poller, Stream(ours), handler, handler.on_closed, b"", None)
        gevent.sleep(0)
        return connection, handler, theirs

    yield connect
    for each in opened:
        each.close()


def settle(connect):
    """The first stamped sockets of a machine have no stamps for some milliseconds: wait until they do."""
    _, handler, peer = connect()
    for _ in range(1_000):
        peer.sendall(frame(1, b"x"))
        count = len(handler.times)
        wait_for(lambda count=count: len(handler.times) > count)
        if handler.times[-1][0] - handler.times[-1][1] < 100_000:
            return


def test_a_frame_that_waited_for_us_arrived_before_we_read_it(connect, shared, poller):
    settle(connect)
    _, handler, peer = connect()
    poller.look()
    before_us = monotonic_us()
    peer.sendall(frame(1, b"late"))
    sent_us = monotonic_us()
    really_sleep(0.05)
    wait_for(lambda: handler.times)
    ((now_us, arrived_us),) = handler.times
    assert now_us - sent_us >= 50_000
    if shared.stamps.is_on:
        assert before_us - 100 <= arrived_us <= sent_us + 100
    else:
        assert arrived_us <= before_us, "without a stamp, all that is known is when there was nothing yet"


def test_earlier_frames_came_after_the_socket_was_empty(connect, shared):
    settle(connect)
    _, handler, peer = connect()
    peer.sendall(frame(1, b"first"))
    wait_for(lambda: handler.times)
    read_us = handler.times[0][0]
    really_sleep(0.01)
    peer.sendall(frame(1, b"second") + frame(1, b"third"))
    wait_for(lambda: len(handler.times) == 3)
    second, third = handler.times[1:]
    assert second[1] <= read_us, "known is only when the socket had nothing"
    assert second[1] >= read_us - 1_000_000
    assert third[1] - read_us >= 10_000 or not shared.stamps.is_on


def test_an_unfinished_frame_at_the_end_of_a_read_takes_its_stamp(connect, shared):
    settle(connect)
    _, handler, peer = connect()
    peer.sendall(frame(1, b"whole") + frame(1, b"half")[:3])
    wait_for(lambda: handler.times)
    assert handler.times[0][1] < handler.times[0][0]
    peer.sendall(frame(1, b"half")[3:])
    wait_for(lambda: len(handler.times) == 2)
    assert handler.messages == [b"whole", b"half"]
    assert all(arrived_us <= now_us for now_us, arrived_us in handler.times)


def test_a_closed_window_is_noticed_after_a_gap(connect, poller):
    connection, handler, peer = connect()
    poller.look()
    peer.setblocking(False)
    text = frame(1, b"x" * 700)
    with pytest.raises(BlockingIOError):
        while True:
            peer.send(text)
    really_sleep(0.06)
    poller.look()
    assert handler.windows_closed
    assert not connection.has_unread() or handler.messages


def test_a_short_gap_without_much_to_read_closes_no_window(connect, poller):
    _, handler, peer = connect()
    poller.look()
    peer.sendall(frame(1, b"x"))
    really_sleep(0.06)
    wait_for(lambda: handler.times)
    assert not hasattr(handler, "windows_closed")


def test_what_has_arrived_at_a_paused_connection_is_unread(connect):
    connection, handler, peer = connect()
    assert not connection.has_unread()
    connection.pause_reading()
    assert connection.has_unread(), "it reads nothing, so it cannot know"
    peer.sendall(frame(1, b"x"))
    connection.resume_reading()
    wait_for(lambda: handler.times)
    assert not connection.has_unread()


# -- TLS ---------------------------------------------------------------------------------------------------------------


def serve_tls(listening, context, is_told):
    """Accept one client; when told, send two records at once, and when told again, half of a third and the rest."""
    accepted, _ = listening.accept()
    with context.wrap_socket(accepted, server_side=True) as connected:
        for texts in ((b"one", b"two"), (b"three",)):
            is_told.acquire()
            for text in texts:
                connected.send(text)
        is_told.acquire()


def test_with_tls_only_the_last_record_has_a_stamp():
    authority = trustme.CA()
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server_side)
    authority.configure_trust(client_side)
    listening = new_socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    is_told = new_semaphore(0)
    pool = ThreadPool(1)
    served = pool.spawn(serve_tls, listening, server_side, is_told)
    stamps = ReceiveStamps(True)
    address = listening.getsockname()
    stream = Stream.connect(2, address, "", 10.0, stamps.enable)
    stream.start_tls(client_side, "localhost", lambda: 10.0)
    view = memoryview(bytearray(1_000))
    try:
        while stream.read_into(view) > 0:
            raise AssertionError("nothing was sent yet")
        found = []
        is_told.release()
        really_sleep(0.05)
        while len(found) < 2:
            size = stream.read_into(view)
            if size > 0:
                found.append((bytes(view[:size]), stream.has_undecrypted, bool(stream.ancillary)))
        assert found == [(b"one", True, True), (b"two", False, True)]
        is_told.release()
        really_sleep(0.05)
        while (size := stream.read_into(view)) < 0:
            gevent.sleep(0.001)
        assert (bytes(view[:size]), stream.has_undecrypted) == (b"three", False)
        before_us = monotonic_us()
        assert before_us - stamps.arrived_us(stream.ancillary, before_us, 0) >= 40_000, "it had waited for the sleep"
    finally:
        is_told.release()
        stream.close()
        served.get(timeout=10)
        listening.close()
        stamps.close()


def test_an_address_that_is_not_ours_is_our_own_error():
    with pytest.raises(ConnectError) as found:
        Stream.connect(2, ("127.0.0.1", 9), "203.0.113.9", 5.0, lambda _: None)
    assert (str(found.value), found.value.is_ours) == ("EADDRNOTAVAIL (no free port)", True)


def test_a_refused_connection_is_not():
    with new_socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectError) as found:
            Stream.connect(2, taken.getsockname(), "", 5.0, lambda _: None)
    assert (str(found.value), found.value.is_ours) == ("ConnectionRefusedError", False)
