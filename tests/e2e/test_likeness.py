"""Hubbub judges the real backend's behaviours rightly, and the first line of its verdict says what they are."""

import json
import re
import sys

import pytest

from backend.likeness import FAITHFUL
from tests.support import overridden

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
        program = start(*command, *overridden(RUN, options), *options)
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


# -- behaviours on the way to its faults -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [[], ["--faithful"]])
def test_messages_over_http_come_twice_and_count_once(judged, kind):
    code, _, summary = judged(kind, "--mix", "Poster=1,Chatter=1")
    assert code in (0, 3)
    assert summary["deliveries"]["received"] == summary["deliveries"]["delivered"] == SENT * MEMBERS
    assert summary["frames"]["room_message"]["tagged"] == SENT * MEMBERS // 2
    assert summary["latency_ms"]["post"]["count"] == SENT // 2


@pytest.mark.parametrize(
    ("backend_options", "line"),
    [
        (["--faithful", "--broker-out", "1s:1s"], r"\d+ of 144 messages were refused by the backend: 'Failed to send"),
        (["--faithful", "--rate-limits"], r"\d+ of 144 messages were throttled by the backend: 'Too many requests'"),
    ],
)
def test_what_is_answered_over_http_is_told_in_the_backends_words(judged, backend_options, line):
    _, found, summary = judged(backend_options, "--mix", "Poster", "--ready-timeout", "5s")
    assert re.search(line, found)
    assert summary["messages"]["vanished"] == 0


@pytest.mark.parametrize(("kind", "code"), [([], 0), (["--faithful"], 1)])
def test_who_is_no_member_any_more_must_hear_nothing(judged, kind, code):
    found, line, summary = judged(kind, "--mix", "Newcomer=1,Chatter=1")
    deliveries = summary["deliveries"]
    assert (found == 1) == (code == 1)
    assert deliveries["lost"] == 0
    assert (deliveries["leaked"] > 0) == (code == 1)
    assert deliveries["due"] + deliveries["leaked"] <= SENT * MEMBERS
    assert ("reached an account that is not a member" in line) == (code == 1)


@pytest.mark.parametrize(("kind", "found"), [([], "told"), (["--faithful"], "stateless")])
def test_the_others_see_who_types(judged, kind, found):
    code, _, summary = judged(kind, "--mix", "Roamer=1,Chatter=1")
    typing = {name: count for name, count in summary["typing"].items() if count}
    assert code in (0, 3)
    assert typing == {"sent": SENT, "due": SENT * (MEMBERS - 1), found: SENT * (MEMBERS - 1)}


@pytest.mark.parametrize(
    ("kind", "is_wrong"), [([], False), (["--faithful"], False), (["--like", "blind-grace"], True)]
)
def test_who_reconnects_within_the_grace_was_never_offline(judged, kind, is_wrong):
    options = ("--mix", "Reconnector=1,Chatter=1", "--message-interval", "2s", "--duration", "18s")
    code, _, summary = judged(kind, *options)
    assert code in (0, 3)
    assert summary["presence"]["told"] > 0
    assert (summary["presence"]["wrong"] > 0) == is_wrong


@pytest.mark.parametrize(
    ("kind", "size", "line"),
    [
        ([], "100-4000", ""),
        (["--faithful"], "100-3000", ""),
        (["--like", "byte-limits"], "4000", "messages were refused by the backend: 'Message must have 1 to 10000 char"),
        ([], "9000", "closed with 1009: a message too big"),
    ],
)
def test_long_and_multibyte_content(judged, kind, size, line):
    options = ("--preflight", "off", "--message-text", "multibyte", "--message-size", size)
    code, found, summary = judged(kind, *options)
    assert code in ((1, 3) if line else (0, 3))  # a busy machine may leave a doubt
    assert re.search(line, found)
    assert summary["deliveries"]["corrupt"] == 0
