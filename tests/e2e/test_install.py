"""Installed with pip, in an environment and a folder that have nothing else of this project."""

import json
import subprocess
import sys

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.e2e


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment with the package and what it needs."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    pip = folder / "venv" / "bin" / "pip"
    run(pip, "install", "--quiet", "--require-hashes", "-r", ROOT / "requirements.txt", cwd=folder)
    run(pip, "install", "--quiet", "--no-deps", ROOT, cwd=folder)
    return folder / "venv"


def test_it_brings_its_own_packages_and_nothing_else(environment):
    names = {path.name for path in environment.glob("lib/python3*/site-packages/*")}
    assert {"hubbub", "backend"} <= names
    assert not names & {"users", "shapes", "conf", "locustfile.py", "tests", "bench"}


def test_it_runs_in_an_empty_folder_and_writes_there(environment, tmp_path):
    flags = ("--run-profile", "smoke", "--clients", "4", "--duration", "1s", "--message-interval", "500ms")
    text = run(environment / "bin" / "hubbub", "perf-ws", *flags, cwd=tmp_path)
    assert "Verdict: PASS" in text
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("-smoke")
    assert json.loads((folder / "summary.json").read_text())["messages"]["sent"] == 8


def test_a_suite_of_ones_own_runs_where_it_lies(environment, tmp_path):
    suite = tmp_path / "mine"
    run(environment / "bin" / "hubbub", "init", suite, cwd=tmp_path)
    (suite / "conf" / "profiles" / "tiny.toml").write_text('clients = 2\nduration = "1s"\n')
    text = run(environment / "bin" / "hubbub", "perf-ws", "--profile", "tiny", cwd=suite)
    assert "Verdict: PASS" in text
    again = subprocess.run(
        [environment / "bin" / "hubbub", "init", suite], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert "init needs an empty or absent folder" in again.stderr
