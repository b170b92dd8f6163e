"""Runs and workers in memory."""

import pytest

from tests.twins.run import MemoryRun


@pytest.fixture
def make(tmp_path):
    """A run in memory that writes to tmp_path/run."""
    return lambda **how: MemoryRun(tmp_path / "run", **how)
