"""A worker needs an open file for each connection."""

import resource

import pytest

from hubbub.errors import RunError
from hubbub.run import open_files
from hubbub.run.open_files import SPARE_FILES, check_open_files


def test_the_limit_is_raised_as_far_as_it_may():
    check_open_files(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard


def test_more_clients_than_files_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda _: (100, SPARE_FILES + 10))
    monkeypatch.setattr(open_files.resource, "setrlimit", lambda *_: None)
    check_open_files(10)
    with pytest.raises(RunError, match=r"11 clients on one worker need .* use more workers"):
        check_open_files(11)
