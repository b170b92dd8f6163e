"""What a transport takes."""

import pytest

from hubbub.transport.base import Dialling, websocket_origin


def test_how_to_dial_cannot_be_changed_later():
    with pytest.raises(AttributeError):
        Dialling(1).timeout_us = 2


def test_an_origin_for_websockets():
    assert websocket_origin("https://chat.example/base") == "wss://chat.example/base"
    assert websocket_origin("http://localhost:1") == "ws://localhost:1"
