"""Packs the suite (locustfile, users, shapes, conf) into the package, so that an installed Hubbub has it, too."""

import sys
from pathlib import Path
from shutil import copy, copytree, ignore_patterns, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # a build does not put it there

from hubbub.suite import SUITE_FILES, SUITE_FOLDERS  # noqa: E402


class BuildWithSuite(build_py):
    """Copies the suite to hubbub/suite."""

    def run(self) -> None:
        super().run()
        suite = Path(self.build_lib) / "hubbub" / "suite"
        rmtree(suite, ignore_errors=True)
        suite.mkdir(parents=True)
        for name in SUITE_FILES:
            copy(HERE / name, suite)
        for name in SUITE_FOLDERS:
            copytree(HERE / name, suite / name, ignore=ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": BuildWithSuite})
