"""Faults as they are written, and what becomes of a frame."""

import json
from random import Random

import pytest

from backend.faults import Fault, corrupted, parse_fault, sampler


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop=0.01", Fault("drop", 0.01)),
        ("duplicate=1/5", Fault("duplicate", 1.0, 5)),
        ("delay=1:exp:20ms", Fault("delay", 1.0, None, "exp:20ms")),
        ("stall=0.5/2:3s", Fault("stall", 0.5, 2, "3s")),
    ],
)
def test_a_fault_is_a_kind_a_rate_a_count_and_a_time(text, fault):
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    "text", ["drop", "drop=2", "drop=0", "gremlins=1", "delay=1:soon", "delay=1:normal:5ms", "delay=1:exp:0ms"]
)
def test_anything_else_is_one_sentence(text):
    with pytest.raises(ValueError, match="must be"):
        parse_fault(text)


def test_times_have_the_distribution_asked_for():
    assert sampler("50ms", Random(1))() == 0.05
    exponential, normal, uniform = (
        sampler(text, Random(1)) for text in ("exp:20ms", "normal:50ms,10ms", "uniform:10ms,90ms")
    )
    assert sum(exponential() for _ in range(5_000)) / 5_000 == pytest.approx(0.02, rel=0.1)
    assert sum(normal() for _ in range(5_000)) / 5_000 == pytest.approx(0.05, rel=0.1)
    assert all(0.01 <= uniform() <= 0.09 for _ in range(5_000))


@pytest.mark.parametrize("content", ["~hb0123456789 and so on", "hi", 'he said "no"\n and so on'])
def test_a_corrupted_frame_differs_in_one_character_of_its_content(content):
    stored = {"type": "message", "payload": {"content": content}}
    frame = b"\x81\x30" + json.dumps(stored, separators=(",", ":"), ensure_ascii=False).encode()
    changed = corrupted(frame, content)
    assert len(changed) == len(frame)
    assert [a != b for a, b in zip(frame, changed, strict=True)].count(True) == 1
    assert json.loads(changed[2:])["payload"]["content"] != content
