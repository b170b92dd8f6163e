"""Runs in memory with one kind of client."""

import pytest

from tests.twins.run import MemoryRun


@pytest.fixture
def make(tmp_path):
    return lambda **how: MemoryRun(tmp_path / "run", **how)
