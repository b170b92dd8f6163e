"""A broker that is out for a while."""

import pytest

from backend import broker as module
from backend.broker import Broker


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_it_is_out_after_the_first_message_for_a_while(clock):
    broker = Broker.parse("5s:3s")
    assert not broker.is_out
    found = []
    for second in (0, 4.9, 5, 6, 7.9, 8, 20):
        clock[0] = 100 + second
        found.append((broker.takes(), broker.is_out))
    assert found == [
        *[("published", False)] * 2,
        *[("stored", True), ("refused", True), ("refused", True)],
        *[("published", False)] * 2,
    ]


def test_without_a_time_it_is_never_out(clock):
    broker = Broker.parse("")
    assert {broker.takes() for _ in range(3)} == {"published"}


@pytest.mark.parametrize("text", ["5s", "a:b", "5:3", ":"])
def test_anything_else_is_one_sentence(text):
    with pytest.raises(ValueError, match="must be"):
        Broker.parse(text)
