"""permessage-deflate: what one side compresses the other reads, and sizes are bounded."""

import pytest

from hubbub.errors import ConnectError
from hubbub.transport.deflate import accepted, offer


@pytest.fixture
def deflate():
    return accepted("permessage-deflate; client_no_context_takeover; server_no_context_takeover")


def test_the_offer_is_what_the_rfc_wants():
    assert offer().startswith("permessage-deflate")


def test_a_message_comes_back_as_it_was(deflate):
    data, is_compressed = deflate.deflate(b"hello " * 50)
    assert is_compressed
    assert len(data) < 100
    assert deflate.inflate(data, True, True, 1_000) == b"hello " * 50


def test_a_message_that_inflates_over_the_limit_is_refused(deflate):
    data, _ = deflate.deflate(b"x" * 10_000)
    with pytest.raises(OverflowError):
        deflate.inflate(data, True, True, 9_999)


def test_data_that_is_no_deflate_is_refused(deflate):
    with pytest.raises(ValueError, match=r"\w"):
        deflate.inflate(b"\xff\xff\xff", True, True, 1_000)


def test_no_answer_is_no_extension():
    assert accepted("") is None


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("x-webkit-frame", "not offered: x-webkit-frame"),
        ("permessage-deflate; nonsense", "bad extension parameters"),
        ("permessage-deflate, permessage-deflate", "bad extension parameters"),
    ],
)
def test_an_answer_that_was_not_offered_fails_the_upgrade(answer, complaint):
    with pytest.raises(ConnectError, match=complaint):
        accepted(answer)
