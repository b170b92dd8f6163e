"""Curves join their stages, and refuse a spawn rate that cannot follow."""

import pytest

from hubbub.errors import ConfigError
from hubbub.pacing.curve import join_stages

CURVE = join_stages("test", 100_000_000, [(0.5, 0, 1), (1, 0.5, 0.5)], 100)


def test_the_number_of_clients_follows_the_stages():
    assert CURVE.clients_at(0) == 1
    assert CURVE.clients_at(25_000_000) == 50
    assert CURVE.clients_at(60_000_000) == 50
    assert CURVE.clients_at(100_000_000) is None


def test_a_spawn_rate_that_is_too_low_names_the_stage():
    CURVE.check(spawn_rate=2)
    with pytest.raises(ConfigError, match=r"stage 1 \(0s to 50s\) goes to 100 clients, which needs a spawn rate of"):
        CURVE.check(spawn_rate=1)


def test_the_schedule_has_a_line_per_stage():
    assert CURVE.schedule() == ["stage 1: 0s to 50s, 1 -> 100 clients", "stage 2: 50s to 100s, 50 clients"]
