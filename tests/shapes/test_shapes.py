"""Every shape scales to its peak and its duration."""

import itertools

import pytest

from hubbub.options import OPTION
from shapes import all_shapes

SHAPES = all_shapes()


def test_the_option_names_exactly_the_shapes_there_are():
    assert set(OPTION["shape"].choices()) == {"none", *SHAPES}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("peak", [1, 10, 1000])
def test_a_shape_stays_between_one_and_its_peak_and_ends_on_time(name, peak):
    curve = SHAPES[name](peak, 600_000_000)
    levels = [curve.clients_at(second * 1_000_000) for second in range(600)]
    assert curve.name == name
    assert curve.clients_at(600_000_000) is None
    assert all(1 <= level <= peak for level in levels)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_reaches_the_load_it_promises(name):
    levels = [SHAPES[name](1000, 600_000_000).clients_at(second * 1_000_000) for second in range(600)]
    assert max(levels) >= (800 if name == "soak" else 990)


@pytest.mark.parametrize("name", SHAPES)
def test_stages_follow_each_other_without_a_gap(name):
    stages = SHAPES[name](100, 60_000_000).stages
    assert stages[0].start_us == 0
    assert all(before.end_us == after.start_us for before, after in itertools.pairwise(stages))
