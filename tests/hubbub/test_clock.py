"""Durations, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.clock import format_duration, parse_duration_us
from hubbub.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("200ms", 200_000),
        ("0.5s", 500_000),
        ("5s", 5_000_000),
        ("1m30s", 90_000_000),
        ("2h", 7_200_000_000),
        ("1h1m1s1ms", 3_661_001_000),
        ("30", 30_000_000),
        ("0", 0),
    ],
)
def test_durations_are_read_exactly(text, us):
    assert parse_duration_us(text) == us


@pytest.mark.parametrize("text", ["", "5x", "-1s", "s", "1 s 2", "1s-2s", "five", "1e3s", "."])
def test_anything_else_is_refused_with_the_name_of_the_option(text):
    with pytest.raises(ConfigError, match="message-interval must be a duration"):
        parse_duration_us(text, "message-interval")


@given(st.integers(0, 10**12).map(lambda ms: ms * 1_000))
def test_what_is_written_is_read_back(us):
    assert abs(parse_duration_us(format_duration(us)) - us) <= 1_000
