"""Counts are sums: every identity of ACCOUNTING holds because it is written so."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from hubbub.ledger import Counts

COUNTS = st.lists(st.integers(0, 1_000), min_size=len(fields(Counts)), max_size=len(fields(Counts))).map(
    lambda values: Counts(*values)
)


@given(COUNTS, COUNTS)
def test_adding_and_taking_away_are_each_others_reverse(one, other):
    before = Counts(**{each.name: getattr(one, each.name) for each in fields(Counts)})
    one.add(other)
    assert one.since(before) == other
    assert one.since(other) == before


@given(COUNTS)
def test_sums(counts):
    assert counts.planned == counts.sent + counts.unsent
    assert counts.expected == counts.due - counts.excused
    decided = counts.confirmed + counts.refused + counts.throttled + counts.vanished + counts.indefinite
    assert counts.pending + decided == counts.sent
    arrived = ("delivered", "optional", "duplicated", "leaked", "corrupt", "foreign", "late")
    assert counts.received == sum(getattr(counts, name) for name in arrived)
