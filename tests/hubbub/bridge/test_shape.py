"""Locust follows a curve by the run's own clock."""

import pytest

from hubbub.bridge.shape import CurveShape, curve_of, load_shape
from hubbub.errors import ConfigError
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


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("1/0", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("def (", "cannot be loaded: SyntaxError"),
        ("import sys; sys.exit(3)", "cannot be loaded: SystemExit"),
        ("x = 1", r"expected a function odd\(peak, duration_us\)"),
        ("def odd(peak): ...", "raised TypeError"),
        ("def odd(peak, duration_us): ...", "must return a Curve, not NoneType"),
    ],
)
def test_a_file_that_is_no_shape_is_one_sentence(tmp_path, source, problem):
    (tmp_path / "odd.py").write_text(source)
    with pytest.raises(ConfigError, match=problem) as refused:
        curve_of(load_shape(tmp_path / "odd.py"), "odd", 10, 1_000_000)
    assert "\n" not in str(refused.value)
