"""A newcomer's membership changes while others talk."""

import pytest

from hubbub.contracts import load_contract
from users.chatter import Chatter
from users.newcomer import MESSAGES_PER_STAY, Newcomer

OPTIONS = {"clients": "4", "duration": "12s", "message_interval": "1s"}


def calls(run, method, end):
    return sum(each[0] == method and each[1].endswith(end) for each in run.backend.calls)


def test_it_leaves_and_enters_over_http_and_misses_nothing(make):
    run = make(kinds=(Newcomer, Chatter), **OPTIONS)
    summary = run.go()
    times = 2 * 12 // MESSAGES_PER_STAY
    left = sum(method == "DELETE" for method, _ in run.backend.calls)
    assert times - 2 <= left <= times
    assert calls(run, "POST", "/join") >= left
    deliveries = summary["deliveries"]
    assert (deliveries["lost"], deliveries["leaked"]) == (0, 0)
    assert summary["messages"]["sent"] == 48
    assert 0 < deliveries["due"] < 4 * 48
    assert summary["verdict"]["result"] == "PASS", summary["verdict"]


def test_a_subscription_that_survives_the_membership_leaks(make):
    run = make(kinds=(Newcomer, Chatter), **OPTIONS)
    run.backend.keeps_subscriptions = True
    summary = run.go()
    assert summary["deliveries"]["leaked"] > 0
    assert (
        summary["deliveries"]["leaked"] + summary["deliveries"]["received"] == 4 * 48 + summary["deliveries"]["leaked"]
    )
    assert summary["verdict"]["result"] == "FAIL"
    assert "not a member" in summary["verdict"]["reasons"][0]["text"]


@pytest.mark.parametrize("part", ["messages?limit=50", "/join"])
def test_what_fails_on_the_way_is_counted(make, part):
    run = make(kinds=(Newcomer, Chatter), **OPTIONS)
    run.begin()
    run.until(lambda: run.run.elapsed_us > 1_000_000)
    run.backend.refuse[part] = 500
    run.until(lambda: run.run.elapsed_us > 7_000_000)
    run.backend.refuse.clear()
    summary = run.to_the_end()
    assert any("HTTP 500" in error["class"] for error in summary["errors"])
    assert summary["deliveries"]["leaked"] == 0


def test_it_says_what_a_contract_lacks():
    assert Newcomer.needs(load_contract("minimal")) == "members that leave over HTTP"
    assert not Newcomer.needs(load_contract("sanctum"))
