"""The clients of several workers are one crowd."""

from collections import Counter
from dataclasses import fields

from hubbub.metrics.attendance import Attendance
from hubbub.serialization import from_plain, to_plain

ONE = {"asked": 3, "present": 2, "ready": 2, "lost": 1, "asked_us": 100, "ready_us": 90, "remaining": 7}


def test_every_field_is_added_up():
    whole = Attendance(**ONE, lost_by=Counter(a=1))
    whole.merge(Attendance(**ONE, lost_by=Counter(a=1, b=2)))
    assert {field.name: getattr(whole, field.name) for field in fields(Attendance)} == {
        name: 2 * value for name, value in ONE.items()
    } | {"lost_by": {"a": 2, "b": 2}}


def test_it_is_the_same_after_a_journey():
    attendance = Attendance(**ONE, lost_by=Counter(a=1))
    assert from_plain(Attendance, to_plain(attendance)) == attendance


def test_applied_is_a_share_or_unknown():
    assert (Attendance(**ONE).applied, Attendance().applied) == (0.9, None)
