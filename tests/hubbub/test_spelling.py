"""A name that is nearly right is told; one that is not is not guessed at."""

import pytest

from hubbub.spelling import did_you_mean

KNOWN = ("socketio", "centrifugo", "minimal")


@pytest.mark.parametrize("text", ["sokcetio", "SocketIO", "socket.io", "socketi"])
def test_what_is_close_is_named(text):
    assert did_you_mean(text, KNOWN) == " Did you mean 'socketio'?"


@pytest.mark.parametrize("text", ["", "x", "mine", "slack"])
def test_what_is_not_close_is_left_alone(text):
    assert did_you_mean(text, KNOWN) == ""
