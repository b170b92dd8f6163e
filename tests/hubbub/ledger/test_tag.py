"""The tag: fixed width, checked before it is believed."""

import json

from hypothesis import given
from hypothesis import strategies as st

from hubbub.ledger.tag import MARKER, TAG_WIDTH, Tag, decode_tag, encode_tag, text_is_intact

FIELDS = st.tuples(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**24 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**52 - 1),
    st.integers(0, 2**28 - 1),
)


@given(FIELDS, st.text())
def test_a_tag_is_read_back_and_has_a_fixed_width(fields, text):
    tag = encode_tag(*fields, text)
    assert len(tag) == TAG_WIDTH
    assert tag.encode().startswith(MARKER)
    decoded = decode_tag(tag + text)
    assert decoded == Tag(*fields, decoded.text_check)
    assert text_is_intact(decoded, tag + text)


@given(FIELDS, st.text())
def test_json_does_not_escape_a_tag(fields, text):
    tag = encode_tag(*fields, text)
    assert tag in json.dumps(tag + text)


@given(FIELDS, st.integers(0, TAG_WIDTH - 1), st.characters(codec="ascii"))
def test_no_changed_character_goes_unnoticed(fields, position, character):
    tag = encode_tag(*fields, "text")
    changed = tag[:position] + character + tag[position + 1 :]
    assert changed == tag or decode_tag(changed + "text") is None


@given(FIELDS)
def test_a_changed_text_is_noticed(fields):
    tag = encode_tag(*fields, "text")
    assert not text_is_intact(decode_tag(tag + "tExt"), tag + "tExt")


@given(st.text())
def test_anything_else_is_no_tag(content):
    assert decode_tag(content) is None


def test_a_lag_too_long_for_its_field_is_cut():
    assert decode_tag(encode_tag(1, 1, 1, 1, 1, 2**40, "")).lag_us == 16**7 - 1
    assert decode_tag(encode_tag(1, 1, 1, 1, 1, -5, "")).lag_us == 0
