"""Bytes over TCP and TLS: connecting fails with one error, writing never blocks."""

import ssl
import threading
from socket import AF_INET

import gevent
import pytest
import trustme
from gevent import monkey

from hubbub.errors import ConnectError
from hubbub.transport.stream import Stream
from hubbub.transport.tls import make_ssl_context

new_socket = monkey.get_original("socket", "socket")
PATIENCE_S = 10


def nothing(_socket):
    """Configure a socket in no way."""


@pytest.fixture
def listening():
    server = new_socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    server.settimeout(PATIENCE_S)
    yield server
    server.close()


@pytest.fixture
def pair(listening):
    stream = Stream.connect(AF_INET, listening.getsockname(), "", PATIENCE_S, nothing)
    peer, _ = listening.accept()
    yield stream, peer
    stream.close()
    peer.close()


def until(condition):
    for _ in range(PATIENCE_S * 1_000):
        if condition():
            return
        gevent.sleep(0.001)
    raise AssertionError("it did not come true")


def read(stream):
    view = memoryview(bytearray(1_000))
    size = stream.read_into(view)
    return bytes(view[:size]) if size >= 0 else None


def test_what_is_there_is_read_and_then_nothing_and_then_the_end(pair):
    stream, peer = pair
    assert read(stream) is None
    peer.sendall(b"hello")
    until(lambda: stream.unread_bytes() == 5)
    assert read(stream) == b"hello"
    peer.close()
    until(lambda: read(stream) == b"")


def test_what_the_kernel_does_not_take_is_written_later(pair):
    stream, peer = pair
    data = b"x" * 8_000_000
    stream.write(data)
    stream.write(b"end")
    assert stream.unsent_bytes
    assert not stream.wait_until_sent(0.001)
    received = 0

    def drain():
        nonlocal received
        while received < len(data) + 3:
            received += len(peer.recv(1 << 20))

    reading = threading.Thread(target=drain)
    reading.start()
    assert stream.wait_until_sent(PATIENCE_S)
    reading.join(PATIENCE_S)
    assert received == len(data) + 3


def test_a_write_that_fails_later_is_told(pair):
    stream, peer = pair
    broken = []
    stream.on_broken = broken.append
    stream.write(b"x" * 8_000_000)
    peer.close()
    until(lambda: broken)
    assert isinstance(broken[0], OSError)
    assert not stream.unsent_bytes


def test_a_refused_connection_is_one_error(listening):
    address = listening.getsockname()
    listening.close()
    with pytest.raises(ConnectError, match="ConnectionRefusedError"):
        Stream.connect(AF_INET, address, "", PATIENCE_S, nothing)


def test_an_address_that_is_not_ours_is_our_fault(listening):
    with pytest.raises(ConnectError) as caught:
        Stream.connect(AF_INET, listening.getsockname(), "203.0.113.1", PATIENCE_S, nothing)
    assert caught.value.is_ours


def test_a_source_address_is_used(listening):
    stream = Stream.connect(AF_INET, listening.getsockname(), "127.0.0.9", PATIENCE_S, nothing)
    peer, (source, _) = listening.accept()
    assert source == "127.0.0.9"
    stream.close()
    stream.close()
    peer.close()


def test_a_socket_that_cannot_be_configured_is_closed(listening):
    def fail(_socket):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Stream.connect(AF_INET, listening.getsockname(), "", PATIENCE_S, fail)


@pytest.fixture
def authority():
    return trustme.CA()


def serve_tls(listening, authority, name):
    """A peer that greets over TLS, echoes once, and ends."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)

    def serve():
        peer, _ = listening.accept()
        try:
            with context.wrap_socket(peer, server_side=True) as tls:
                tls.sendall(b"hello")
                tls.sendall(tls.recv(100))
        except OSError:
            peer.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def tls_stream(listening, authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    stream = Stream.connect(AF_INET, listening.getsockname(), "", PATIENCE_S, nothing)
    stream.start_tls(make_ssl_context(str(path), False), "localhost", lambda: PATIENCE_S)
    return stream


def test_tls_is_read_and_written_like_tcp(listening, authority, tmp_path):
    serving = serve_tls(listening, authority, "localhost")
    stream = tls_stream(listening, authority, tmp_path)
    got = []
    until(lambda: got.append(read(stream)) or b"hello" in got)
    stream.write(b"echo")
    until(lambda: got.append(read(stream)) or b"echo" in got)
    until(lambda: read(stream) == b"")
    assert stream.is_tls
    assert not stream.has_undecrypted
    stream.finish_writing()
    stream.close()
    serving.join(PATIENCE_S)


def test_a_certificate_of_another_host_is_not_trusted(listening, authority, tmp_path):
    serving = serve_tls(listening, authority, "elsewhere")
    with pytest.raises(ConnectError, match="certificate not trusted"):
        tls_stream(listening, authority, tmp_path)
    serving.join(PATIENCE_S)


def test_a_peer_that_speaks_no_tls_is_one_error(listening, authority, tmp_path):
    def serve():
        peer, _ = listening.accept()
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.close()

    serving = threading.Thread(target=serve)
    serving.start()
    with pytest.raises(ConnectError, match="TLS failed"):
        tls_stream(listening, authority, tmp_path)
    serving.join(PATIENCE_S)


def test_no_more_is_written_after_the_end(pair):
    stream, peer = pair
    stream.finish_writing()
    assert peer.recv(10) == b""
    peer.close()
    stream.finish_writing()
