"""Texts are made once, and are the same for the same seed."""

import pytest

from hubbub.client.payloads import Payloads
from hubbub.errors import ConfigError
from hubbub.ledger import TAG_WIDTH


@pytest.mark.parametrize("size", [TAG_WIDTH + 1, 120, 2_000])
def test_every_text_has_the_size_that_is_left_by_the_tag(size):
    payloads = Payloads.make(1, size)
    assert {len(text) + TAG_WIDTH for text in payloads.texts} == {size}
    assert payloads == Payloads.make(1, size)
    assert size < 100 or payloads != Payloads.make(2, size)


def test_clients_do_not_all_say_the_same():
    payloads = Payloads.make(1, 120)
    assert payloads.text(3, 4) == payloads.text(3, 4)
    assert len({payloads.text(client, 0) for client in range(20)}) > 10


def test_a_message_that_has_no_room_for_its_tag_is_refused():
    with pytest.raises(ConfigError, match=f"message-size must be at least {TAG_WIDTH + 1}"):
        Payloads.make(1, TAG_WIDTH)
