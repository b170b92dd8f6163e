"""The load second by second: sent when it was planned, or not."""

import pytest

from hubbub.metrics.load import Load


def load(planned, sent):
    return Load(dict(enumerate(planned)), dict(enumerate(sent)))


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
    assert Load().seconds == 0


def test_messages_are_counted_in_the_second_they_were_meant_for_and_the_one_they_went_in():
    measured = Load()
    for _ in range(40):
        measured.plan(2)
        measured.send(3)
    assert (measured.planned, measured.sent, measured.seconds) == ({2: 40}, {3: 40}, 2)
    assert measured.deviating() == [2, 3]


def test_workers_add_up_and_travel():
    total = load([5, 6], [5, 6])
    total.merge(Load.from_dict(load([1], [0, 3]).to_dict()))
    assert (total.planned, total.sent) == ({0: 6, 1: 6}, {0: 5, 1: 9})
