"""A draft is TOML, whatever stands in it."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from hubbub.contracts.draft import Draft, inline, quoted

NAMES = st.text(alphabet="abc_", min_size=1, max_size=5)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.one_of(TEXTS, st.integers(-(2**40), 2**40), st.booleans(), st.lists(TEXTS, max_size=3))


@given(TEXTS)
def test_any_text_is_quoted_so_that_it_comes_back(text):
    assert tomllib.loads(f"a = {quoted(text)}") == {"a": text}


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_any_table_fits_in_a_line(values):
    assert tomllib.loads(f"a = {inline(values)}") == {"a": values}


def test_tables_and_rules_stand_in_order():
    draft = Draft()
    draft.table("open", "sure", {"path": "/ws"})
    draft.note("# FILL IN: more")
    draft.when("likely", {"where": {"type": "x"}, "means": "delivery"})
    draft.line("text = 'a'")
    assert tomllib.loads("\n".join(draft.lines)) == {
        "open": {"path": "/ws"},
        "when": [{"where": {"type": "x"}, "means": "delivery", "text": "a"}],
    }
