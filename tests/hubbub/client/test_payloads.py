"""Texts are made once, and are the same for the same seed."""

import unicodedata

import pytest

from hubbub.client.payloads import Payloads
from hubbub.errors import ConfigError
from hubbub.ledger import TAG_WIDTH
from hubbub.options import MESSAGE_TEXTS, MULTIBYTE


@pytest.mark.parametrize("kind", MESSAGE_TEXTS)
@pytest.mark.parametrize("size", [TAG_WIDTH + 1, 120, 2_000])
def test_every_text_has_the_size_that_is_left_by_the_tag(size, kind):
    payloads = Payloads.make(1, (size, size), kind)
    assert {len(text) + TAG_WIDTH for text in payloads.texts} == {size}
    assert payloads == Payloads.make(1, (size, size), kind)
    assert size < 100 or payloads != Payloads.make(2, (size, size), kind)


def test_sizes_of_a_range_have_both_of_its_ends():
    sizes = sorted(len(text) + TAG_WIDTH for text in Payloads.make(1, (100, 10_000)).texts)
    assert (sizes[0], sizes[-1]) == (100, 10_000)
    assert len(set(sizes)) > 100
    assert 800 < sizes[len(sizes) // 2] < 1_250  # the middle of a logarithmic scale


def test_multibyte_texts_have_what_backends_spoil():
    texts = "".join(Payloads.make(1, (200, 200), MULTIBYTE).texts)
    assert {len(letter.encode()) for letter in texts} == {1, 2, 3, 4}
    assert {"L", "AL"} <= {unicodedata.bidirectional(letter) for letter in texts}
    assert unicodedata.normalize("NFC", texts) != texts
    assert "\u200d" in texts


def test_clients_do_not_all_say_the_same():
    payloads = Payloads.make(1, (120, 120))
    assert payloads.text(3, 4) == payloads.text(3, 4)
    assert len({payloads.text(client, 0) for client in range(20)}) > 10


def test_a_message_that_has_no_room_for_its_tag_is_refused():
    with pytest.raises(ConfigError, match=f"message-size must be at least {TAG_WIDTH + 1}"):
        Payloads.make(1, (TAG_WIDTH, 200))


def test_long_texts_are_made_at_once_and_are_fewer():
    texts = Payloads.make(1, (1_000_000, 1_000_000)).texts
    assert {len(text) + TAG_WIDTH for text in texts} == {1_000_000}
    assert sum(map(len, texts)) <= 4 << 20
    assert len(set(texts)) > 1
