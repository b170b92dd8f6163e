"""HTTP of the hot path: what was said about TLS holds here, too."""

import contextlib
import ssl

import gevent
import pytest

from hubbub.errors import Busy, ConnectError, Throttled
from hubbub.transport.http import HttpPool
from hubbub.transport.tls import make_ssl_context
from tests.twins.hostile import LIMITS, hostile_server, source_server


@pytest.mark.parametrize(("is_insecure", "mode"), [(False, ssl.CERT_REQUIRED), (True, ssl.CERT_NONE)])
def test_the_context_of_the_run_is_used_as_it_is(is_insecure, mode):
    context = make_ssl_context("", is_insecure)
    trusted = context.cert_store_stats()
    HttpPool("https://localhost", 1_000_000, {}, context).close()
    assert (context.check_hostname, context.verify_mode) == (not is_insecure, mode)
    assert context.cert_store_stats() == trusted


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/drip", "no whole answer in time"),
        ("/endless", "an answer longer than 8 MiB"),
        ("/head", "an answer longer than 8 MiB|no whole answer in time"),
        ("/interim", "an answer longer than 8 MiB|no whole answer in time"),
        ("/chunks", "an answer longer than 8 MiB|no whole answer in time"),
        ("/junk", "HTTPParseError"),
        ("/silent", "no whole answer in time"),
    ],
)
def test_an_answer_has_an_end_in_time_and_in_size(path, sentence):
    with hostile_server() as origin:
        pool = HttpPool(origin, 500_000, {}, None)
        with pytest.raises(ConnectError, match=sentence):
            pool.request("GET", path, {}, b"")
        assert pool.request("GET", "/small", {}, b"")[0] == 200
        pool.close()


@pytest.mark.parametrize("path", ["/endless", "/head", "/interim", "/chunks"])
def test_others_have_their_turn_while_an_answer_comes(path):
    turns = []

    def count():
        while True:
            turns.append(1)
            gevent.sleep(0)

    counter = gevent.spawn(count)
    with hostile_server() as origin, pytest.raises(ConnectError):
        HttpPool(origin, 300_000, {}, None).request("GET", path, {}, b"")
    counter.kill()
    assert len(turns) > 10


@pytest.mark.parametrize(("kind", "seconds"), LIMITS)
def test_a_limit_says_when_to_come_again(kind, seconds):
    with hostile_server() as origin, pytest.raises(Throttled) as caught:
        HttpPool(origin, 2_000_000, {}, None).request("GET", f"/{kind}", {}, b"")
    assert (caught.value.retry_after_s, caught.value.detail, caught.value.status) == (seconds, "slow", 429)


def test_calls_come_from_the_source_addresses_in_turn():
    with source_server() as (origin, seen):
        pool = HttpPool(origin, 2_000_000, {}, None, ("127.0.0.2", "127.0.0.3"))
        for _ in range(4):
            assert pool.request("GET", "/", {}, b"")[0] == 200
        pool.close()
    assert seen == ["127.0.0.2", "127.0.0.3"] * 2


def test_a_call_waits_for_its_turn_and_says_when_it_has_it(monkeypatch):
    monkeypatch.setattr("hubbub.transport.http.POOL_SIZE", 1)
    with hostile_server() as origin:
        pool, begun = HttpPool(origin, 400_000, {}, None), []
        first = gevent.spawn(pool.request, "GET", "/silent", {}, b"", lambda: begun.append("first"))
        gevent.sleep(0)
        second = gevent.spawn(pool.request, "GET", "/small", {}, b"", lambda: begun.append("second"))
        gevent.sleep(0)
        assert begun == ["first"]
        with pytest.raises(ConnectError):
            first.get(timeout=10)
        with contextlib.suppress(ConnectError):  # both have waited for as long
            second.get(timeout=10)
        pool.close()


def test_a_turn_that_never_comes_is_no_fault_of_ours(monkeypatch):
    monkeypatch.setattr("hubbub.transport.http.POOL_SIZE", 1)
    with hostile_server() as origin:
        pool = HttpPool(origin, 300_000, {}, None)
        pool._turns.acquire()
        with pytest.raises(Busy, match="1 others wait for their answers") as failure:
            pool.request("GET", "/small", {}, b"")
        assert not failure.value.is_ours
        pool._turns.release()
        assert pool.request("GET", "/small", {}, b"")[0] == 200
        pool.close()
