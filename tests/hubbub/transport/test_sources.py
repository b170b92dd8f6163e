"""Source addresses, as a range or a list."""

import pytest

from hubbub.errors import ConfigError
from hubbub.transport.sources import check_sources, parse_sources


def test_ranges_and_lists():
    assert parse_sources("127.0.0.2-127.0.0.4, 127.0.0.9") == ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.9")
    assert parse_sources("") == ()
    assert parse_sources("::1") == ("::1",)


@pytest.mark.parametrize(
    "text", ["127.0.0.9-127.0.0.2", "nonsense", "10.0.0.0-10.255.0.0", "0.0.0.1-::5", "127.0.0.1,::1"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigError, match="source-addresses must be"):
        parse_sources(text)


def test_addresses_must_be_of_this_machine():
    check_sources(("127.0.0.1", "127.0.0.9"))
    with pytest.raises(ConfigError, match=r"must be addresses of this machine; 203\.0\.113\.9 is none"):
        check_sources(("127.0.0.1", "203.0.113.9"))
