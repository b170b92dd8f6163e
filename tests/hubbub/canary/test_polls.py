"""The canary's polls: one after the other, each asked for when the last one was read."""

import threading

import pytest
import websocket

from hubbub.canary.polls import Polls
from hubbub.contracts import Call
from hubbub.errors import CallFailed, ContractError


class Asked:
    """A dialogue whose calls say how many answers were read."""

    def __init__(self):
        self.read = 0

    def poll(self):
        return Call("GET", f"/sync?since={self.read}")


def test_each_poll_asks_for_what_comes_after_the_last_one_read():
    dialogue, paths, may_answer = Asked(), [], threading.Semaphore(2)

    def request(_method, path, _headers, _body):
        may_answer.acquire(timeout=10)
        paths.append(path)
        return 200, path.encode()

    polls = Polls(dialogue, request, 10)
    polls.settimeout(10)
    assert polls.recv() == b"/sync?since=0"
    dialogue.read = 1
    polls.taken()
    assert polls.recv() == b"/sync?since=1"
    polls.settimeout(0.01)
    with pytest.raises(websocket.WebSocketTimeoutException):
        polls.recv()
    polls.close()
    assert paths == ["/sync?since=0", "/sync?since=1"]


def test_what_ends_the_polls_is_told():
    answers = [(200, b"{}"), (503, b"")]
    polls = Polls(Asked(), lambda *_call: answers.pop(0), 10)
    polls.settimeout(10)
    assert polls.recv() == b"{}"
    polls.taken()
    with pytest.raises(CallFailed, match="HTTP 503"):
        polls.recv()


def test_a_first_poll_that_fails_is_told_at_once():
    with pytest.raises(CallFailed):
        Polls(Asked(), lambda *_call: (401, b""), 10)


def test_a_contract_without_a_poll_is_one_sentence():
    dialogue = Asked()
    dialogue.poll = lambda: None
    with pytest.raises(ContractError, match="nothing to poll"):
        Polls(dialogue, None, 10)
