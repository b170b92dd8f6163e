"""Source addresses, as a range or a list."""

import pytest

from hubbub.errors import ConfigError
from hubbub.transport.sources import parse_sources


def test_ranges_and_lists():
    assert parse_sources("127.0.0.2-127.0.0.4, 127.0.0.9") == ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.9")
    assert parse_sources("") == ()
    assert parse_sources("::1") == ("::1",)


@pytest.mark.parametrize("text", ["127.0.0.9-127.0.0.2", "nonsense", "10.0.0.0-10.255.0.0"])
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigError, match="source-addresses must be"):
        parse_sources(text)
