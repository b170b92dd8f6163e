"""The embedded backend starts on a free port, and is gone when it is stopped."""

import subprocess
import sys

import pytest
import requests

from hubbub.errors import RunError
from hubbub.run import embedded
from hubbub.run.embedded import EmbeddedBackend


def test_it_answers_and_stops():
    backend = EmbeddedBackend(12, 100)
    try:
        assert requests.get(f"{backend.origin}/health/ready", timeout=10).ok
        assert backend.pid > 0
    finally:
        backend.stop()
        backend.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(backend.origin, timeout=10)


def test_a_backend_that_does_not_start_is_one_sentence(monkeypatch):
    really_start = subprocess.Popen
    monkeypatch.setattr(
        embedded.subprocess, "Popen", lambda _, **how: really_start([sys.executable, "-c", "print('no')"], **how)
    )
    with pytest.raises(RunError, match="did not start; it said 'no'"):
        EmbeddedBackend(12, 100)
