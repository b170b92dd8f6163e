"""All addresses of a name are used, and those that fail come last."""

import pytest

from hubbub.errors import ConnectError
from hubbub.transport.names import Names, look_up

V6, A, B = (10, ("::1", 80)), (2, ("127.0.0.1", 80)), (2, ("127.0.0.2", 80))


@pytest.fixture
def names():
    asked = []

    def resolve(host, port):
        asked.append((host, port))
        return [V6, A, B]

    names = Names(resolve)
    names.asked = asked
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
