"""Locust follows a curve by the run's own clock."""

from hubbub.bridge.shape import CurveShape
from hubbub.pacing.curve import join_stages


def test_a_tick_is_the_curve_now_and_none_at_its_end():
    elapsed = {"us": 0}
    curve = join_stages("ramp", 10_000_000, [(0.5, 0, 1), (1, 1, 1)], 100)
    shape = CurveShape(curve, 25.0, lambda: elapsed["us"])
    assert shape.tick()[1] == 25.0
    elapsed["us"] = 6_000_000
    assert shape.tick() == (100, 25.0)
    elapsed["us"] = 10_000_000
    assert shape.tick() is None
