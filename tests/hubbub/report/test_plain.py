"""Foreign text is one printable line, and bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.report.plain import plain


@given(st.text(), st.integers(4, 50))
def test_it_is_printable_and_no_longer_than_asked_for(text, limit):
    shown = plain(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit


@pytest.mark.parametrize(
    ("text", "shown"),
    [("as it is", "as it is"), ("two\nlines\x1b[31m", "two lines [31m"), ("x" * 301, "x" * 297 + "...")],
)
def test_what_is_shown(text, shown):
    assert plain(text) == shown
