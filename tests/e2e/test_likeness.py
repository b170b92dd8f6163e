"""Hubbub judges the real backend's behaviours rightly, and the first line of its verdict says what they are."""

import json
import re
import sys

import pytest

from backend.likeness import FAITHFUL

pytestmark = pytest.mark.e2e

RUN = ("--clients", 24, "--message-interval", "500ms", "--duration", "3s", "--drain-quiet", "1s")
SENT, MEMBERS = 144, 24


@pytest.fixture
def judged(start, start_backend, tmp_path):
    """Runs against a backend with these options; returns the exit code, the first line, and the summary if any."""

    def judged(backend_options, *options):
        backend = start_backend(*backend_options)
        folder = tmp_path / "run"
        command = [sys.executable, "-m", "hubbub", "perf-ws", "--host", backend.origin, "--run-dir", folder]
        program = start(*command, *RUN, *options)
        code = program.code()
        path = folder / "summary.json"
        if not path.exists():
            return code, program.text.strip().splitlines()[-1], None
        summary = json.loads(path.read_text())
        reasons = summary["verdict"]["reasons"]
        return code, reasons[0]["text"] if reasons else "", summary

    return judged


@pytest.mark.parametrize("name", sorted(FAITHFUL))
def test_a_backend_that_is_only_unkind_passes(judged, name):
    code, line, summary = judged(["--like", name])
    assert (code, line) == (0, "")
    assert summary["deliveries"]["delivered"] == SENT * MEMBERS


@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.essential), 2])
def test_the_whole_of_it_passes(judged, workers):
    code, line, summary = judged(["--faithful"], "--workers", workers, "--conversations", 2)
    assert (code, line) == (0, "")
    assert summary["deliveries"]["delivered"] == SENT * MEMBERS // 2


@pytest.mark.parametrize(
    ("backend_options", "options", "code", "line"),
    [
        (["--like", "no-delivery"], [], 2, r"preflight: stored \(found in the history\), and reached nobody"),
        (["--like", "room-message"], [], 2, "preflight: .*give --delivery-type room_message"),
        (
            ["--like", "no-delivery"],
            ["--preflight", "off"],
            1,
            r"\d+ messages were stored and reached nobody: the",
        ),
        (
            ["--like", "room-message"],
            ["--preflight", "off"],
            3,
            "3456 frames of type room_message carry this run's tags: does the contract's delivery type fit",
        ),
        (["--like", "room-message"], ["--delivery-type", "room_message"], 0, ""),
        (["--broker-out", "1s:1s"], [], 1, r"\d+ of 144 messages were refused by the backend: 'Failed to send message"),
        (
            ["--max-conns-per-user", "5"],
            [],
            1,
            "the backend turned connections away when an account held 5: give",
        ),
    ],
)
def test_the_first_line_is_the_diagnosis(judged, backend_options, options, code, line):
    found = judged(["--faithful", *backend_options], *options)
    assert found[0] == code
    assert re.search(line, found[1])


def test_limits_of_calls_are_waited_for_and_are_no_errors(judged):
    """The preparation and 24 clients make more calls than a minute allows 100 of, counting what histories need."""
    code, _, summary = judged(["--faithful", "--rate-limits"], "--clients", 36, "--ready-timeout", "5s")
    assert code == 3
    assert summary["connections"]["throttled"] > 0
    assert not [error for error in summary["errors"] if "429" in error["class"]]
    assert summary["deliveries"]["lost"] == 0
    assert summary["verdict"]["reasons"][0]["text"].startswith("the backend limits requests: ")
