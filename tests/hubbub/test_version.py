"""The version is written in one place."""

from importlib.metadata import PackageNotFoundError, version

import hubbub
from hubbub.version import __version__


def test_it_is_the_package_s():
    assert hubbub.__version__ == __version__
    try:
        assert version("hubbub") == __version__
    except PackageNotFoundError:
        assert __version__.count(".") == 2
