"""The load second by second: sent when it was planned, or not."""

from collections import Counter

import pytest

from hubbub.metrics.load import Load
from hubbub.serialization import from_plain, to_plain


def load(planned, sent):
    return Load(Counter(dict(enumerate(planned))), Counter(dict(enumerate(sent))))


@pytest.mark.parametrize(
    ("planned", "sent", "deviates"),
    [
        (100, 130, False),
        (100, 131, True),
        (100, 70, False),
        (100, 69, True),
        (10_000, 11_000, False),
        (10_000, 11_001, True),
        (1, 4, False),
        (1, 5, True),
        (0, 3, False),
        (0, 4, True),
        (9, 0, False),
        (10, 0, True),
    ],
)
def test_a_second_may_differ_by_a_tenth_or_three_sigmas(planned, sent, deviates):
    assert load([planned], [sent]).deviating() == ([0] if deviates else [])


@pytest.mark.parametrize(("seconds", "expected"), [(20, True), (19, False)])
def test_one_second_in_twenty_may_deviate(seconds, expected):
    assert load([100] * seconds, [0] + [100] * (seconds - 1)).is_as_planned is expected


def test_nothing_planned_and_nothing_sent_is_as_planned():
    assert Load().is_as_planned
    assert Load().seconds == []


def test_too_few_and_too_many_messages_deviate():
    measured = Load(Counter({2: 40, 5: 7}), Counter({3: 39, 5: 7}))
    assert measured.seconds == [2, 3, 5]
    assert measured.deviating() == [2, 3]
    assert [measured.deviation(second) for second in (2, 3, 5, 9)] == [40, 39, 0, 0]


def test_workers_add_up_and_travel():
    total = load([5, 6], [5, 6])
    total.merge(from_plain(Load, to_plain(load([1], [0, 3]))))
    assert (total.planned, total.sent) == ({0: 6, 1: 6}, {0: 5, 1: 9})
