"""Messages over HTTP: each has an answer of its own, and no order."""

import pytest

from hubbub.contracts import load_contract
from users.chatter import Chatter
from users.poster import Poster

OPTIONS = {"clients": "4", "duration": "5s", "message_interval": "1s"}


def test_every_message_reaches_all_once_though_it_comes_twice(make):
    run = make(kinds=(Poster,), **OPTIONS)
    summary = run.go()
    assert summary["verdict"]["result"] == "PASS", summary["verdict"]
    assert summary["messages"]["sent"] == summary["messages"]["confirmed"] == 20
    assert summary["deliveries"]["delivered"] == summary["deliveries"]["received"] == 80
    assert summary["frames"]["room_message"] == {"count": 80, "tagged": 80}
    assert summary["latency_ms"]["post"]["count"] == 20


def test_it_may_share_a_conversation_with_others(make):
    summary = make(kinds=(Poster, Chatter), **OPTIONS).go()
    assert summary["verdict"]["result"] == "PASS"
    assert summary["deliveries"]["delivered"] == 80
    assert summary["frames"]["room_message"]["tagged"] == 40
    assert summary["latency_ms"]["post"]["count"] == 10


@pytest.mark.parametrize(
    ("fault", "counted", "result"),
    [
        ("refuse", {"refused": 1, "confirmed": 19}, "INCONCLUSIVE"),
        ("throttle", {"throttled": 1, "confirmed": 19}, "INCONCLUSIVE"),
        ("cut", {"indefinite": 1, "vanished": 0, "confirmed": 19}, "FAIL"),
        ("swallow", {"vanished": 0, "confirmed": 20}, "FAIL"),
        ("not delivered", {"vanished": 0, "confirmed": 20}, "FAIL"),
    ],
)
def test_each_answer_decides_its_own_message(make, fault, counted, result):
    run = make(kinds=(Poster,), fault=lambda number: fault if number == 7 else None, reconcile="all", **OPTIONS)
    summary = run.go()
    assert {name: summary["messages"][name] for name in counted} == counted
    assert summary["deliveries"]["lost"] == (4 if fault in ("swallow", "not delivered") else 0)
    assert summary["verdict"]["result"] == result, summary["verdict"]


def test_later_ones_may_come_first(make):
    run = make(kinds=(Poster,), fault=lambda number: None, **OPTIONS)
    post, held = run.backend._post, []

    def swap(conversation, content, user):
        if not held:
            held.append((conversation, content, user))
            run.scheduler.call_later(1.5, lambda: post(*held[0]))
            return 201, {}
        return post(conversation, content, user)

    run.backend._post = swap
    summary = run.go()
    assert summary["deliveries"]["out_of_order"] == 0
    assert summary["deliveries"]["delivered"] == 80


def test_a_backend_that_was_said_to_have_a_message_has_to_have_it(make):
    run = make(kinds=(Poster,), fault=lambda number: "swallow" if number == 3 else None, reconcile="all", **OPTIONS)
    assert run.go()["history"]["delivered_not_stored"] == 1


def test_a_message_that_was_never_written_is_our_own(make):
    run = make(kinds=(Poster,), **OPTIONS)
    request, posts = run.backend.request, []

    def stuck(method, path, headers, body, began=lambda: None):
        if method == "POST" and path.endswith("/messages"):
            posts.append(path)
            if len(posts) == 5:
                run.scheduler.sleep(60)
        return request(method, path, headers, body, began)

    run.backend.request = stuck
    summary = run.go()
    assert summary["messages"]["indefinite"] == 1
    assert not [reason for reason in summary["verdict"]["reasons"] if reason["kind"] == "FAIL"]


def test_it_says_what_a_contract_lacks():
    assert Poster.needs(load_contract("minimal")) == "messages over HTTP"
    assert not Poster.needs(load_contract("sanctum"))
    assert not Chatter.needs(load_contract("minimal"))


def test_a_mix_that_the_contract_cannot_have_is_one_sentence(make):
    run = make(kinds=(Poster,), contract="minimal", **OPTIONS)
    run.begin()
    run.until(lambda: run.is_over)
    assert run.run.exit_code == 2
    assert not run.backend.calls
