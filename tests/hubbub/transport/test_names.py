"""All addresses of a name are used, and those that fail come last."""

import gevent
import pytest

from hubbub.errors import ConnectError
from hubbub.option_kinds import Resolve
from hubbub.transport.names import NOT_FOUND, Names, NotFound, look_up, without_zone

V6, A, B = (10, ("::1", 80)), (2, ("127.0.0.1", 80)), (2, ("127.0.0.2", 80))


@pytest.fixture
def names():
    asked = []

    def answer(host, port, resolve):
        asked.append((host, port))
        if names.is_broken:
            raise NotFound(NOT_FOUND)
        return [V6, A, B]

    names = Names(ttl_us=60_000_000, clock=lambda: names.now_us, look_up=answer)
    names.asked, names.now_us, names.is_broken = asked, 10_000_000, False
    return names


def first(names):
    return names.addresses("chat", 80)[0]


def test_connections_take_the_addresses_in_turn(names):
    assert [first(names) for _ in range(6)] == [A, B, V6] * 2
    assert names.asked == [("chat", 80)]


def test_one_that_fails_comes_last_until_it_answers(names):
    names.failed(V6)
    assert [first(names) for _ in range(4)] == [B, A, B, A]
    assert names.addresses("chat", 80)[-1] == V6
    names.answered(V6)
    assert {first(names) for _ in range(3)} == {V6, A, B}


def test_where_all_fail_the_name_is_looked_up_again(names):
    for address in names.addresses("chat", 80):
        names.failed(address)
    first(names)
    assert len(names.asked) == 2


@pytest.mark.parametrize("host", ["no.such.name.invalid", "a" * 70, "\udcff"])
def test_a_name_that_is_not_known_is_one_error(host):
    with pytest.raises(ConnectError, match="host name not found"):
        look_up(host, 80)


def test_an_address_is_its_own():
    assert look_up("127.0.0.1", 80) == [A]


def test_a_name_is_looked_up_again_when_its_time_is_over(names):
    first(names)
    names.now_us += 60_000_000
    first(names)
    assert len(names.asked) == 1
    names.now_us += 1
    first(names)
    assert len(names.asked) == 2


def test_addresses_are_kept_where_the_resolver_fails_later(names):
    first(names)
    names.now_us += 61_000_000
    names.is_broken = True
    assert {first(names) for _ in range(3)} == {V6, A, B}
    names._known.clear()
    with pytest.raises(ConnectError, match="host name not found"):
        first(names)


def test_connections_that_come_back_look_again_but_once_a_second(names):
    first(names)
    for _ in range(100):
        names.now_us += 5_000
        names.look_up_again()
        first(names)
    assert len(names.asked) == 2
    names.now_us += 1_000_000
    names.look_up_again()
    first(names)
    assert len(names.asked) == 3


def test_connections_are_counted_by_their_address(names):
    for address in (V6, A, A):
        names.answered(address)
    assert names.connected == {"[::1]:80": 1, "127.0.0.1:80": 2}


def test_a_resolver_that_hangs_has_its_end():
    names = Names(look_up=lambda *_: gevent.sleep(60))
    with pytest.raises(ConnectError, match="not looked up in time") as raised:
        names.addresses("chat", 80, 0.01)
    assert raised.value.is_ours


@pytest.mark.parametrize(
    ("resolve", "host", "found"),
    [
        (Resolve(told={"chat.test:80": ["127.0.0.2", "::1"]}), "Chat.Test", ["127.0.0.2", "::1"]),
        (Resolve(told={"*:80": ["127.0.0.3"]}), "anything.invalid", ["127.0.0.3"]),
        (Resolve(is_first=True, told={"chat.test:80": ["127.0.0.2", "::1"]}), "chat.test", ["127.0.0.2"]),
        (Resolve(told={"chat.test:81": ["127.0.0.2"]}), "127.0.0.9", ["127.0.0.9"]),
    ],
)
def test_addresses_that_are_told_come_instead_of_the_resolvers(resolve, host, found):
    assert [address[0] for _, address in look_up(host, 80, resolve)] == found


def test_a_zone_may_be_written_as_in_urls():
    asked = []
    look_up("fe80::1%25eth0", 80, resolver=lambda host, *_, **__: asked.append(host) or [])
    assert asked == ["fe80::1%eth0"]


@pytest.mark.parametrize(
    ("netloc", "sent"),
    [
        ("[fe80::1%25eth0]:8375", "[fe80::1]:8375"),
        ("[fe80::1%eth0]", "[fe80::1]"),
        ("[::1]:80", "[::1]:80"),
        ("chat.test:80", "chat.test:80"),
    ],
)
def test_a_zone_is_not_told_to_the_backend(netloc, sent):
    assert without_zone(netloc) == sent


def test_a_resolver_that_hangs_hinders_no_other_name():
    now_us = 0

    def answer(host, *_):
        if now_us and host == "slow":
            gevent.sleep(60)
        return [A]

    names = Names(ttl_us=10, clock=lambda: now_us, look_up=answer)
    assert names.addresses("slow", 80, 1) == names.addresses("quick", 80, 1) == [A]
    now_us = 100
    hanging = gevent.spawn(names.addresses, "slow", 80, 0.05)
    gevent.sleep(0)
    assert names.addresses("quick", 80, 1) == [A]
    with pytest.raises(ConnectError, match="not looked up in time"):
        hanging.get()
