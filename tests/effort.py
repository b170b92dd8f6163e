"""How much a test that can go on for ever does: a little in `make test`, all of it in `make test-deep`."""

import os

from hypothesis import settings

IS_DEEP = os.environ.get("TEST_EFFORT") == "deep"
SHARE = 1 if IS_DEEP else 8
MIN_EXAMPLES = 15


def examples(count):
    """How many examples of a property are tried; `count` of them in the deep tests."""
    return max(MIN_EXAMPLES, count // SHARE)


def seeds(count):
    """The seeds of a simulation."""
    return range(max(2, count // SHARE))


settings.register_profile("effort", max_examples=examples(200), deadline=None)
settings.load_profile("effort")
