"""What a backend on this machine waited for a core, between samples of its threads."""

import os
import subprocess
import sys

import pytest

from hubbub.health import backend_wait as module
from hubbub.health.backend_wait import BackendWait, run_queue_waits


class Hand:
    """A clock and a backend's threads, set by hand."""

    def __init__(self):
        self.now_us, self.threads, self.reads = 0, {"1": 500}, 0
        self.wait = BackendWait(lambda: self.now_us, self.read)

    def read(self):
        self.reads += 1
        return dict(self.threads)

    def sample(self, at_us, **threads):
        self.now_us, self.threads = at_us, {name[1:]: waited for name, waited in threads.items()}
        self.wait.sample()


@pytest.fixture
def hand():
    hand = Hand()
    hand.sample(20_000, t1=700)
    hand.sample(40_000, t1=1_700, t2=100)
    hand.sample(60_000, t2=100)
    hand.sample(80_000, t2=400)
    return hand


@pytest.mark.parametrize(
    ("from_us", "to_us", "expected"),
    [
        (20_000, 40_000, 1_100),
        (20_001, 39_999, 1_100),
        (19_999, 20_000, 200),
        (40_000, 60_000, 0),
        (41_000, 79_000, 300),
        (30_000, 80_000, 1_400),
        (50_000, 50_000, 0),
        (50_000, 10_000, 0),
        (70_000, 70_000, 0),
        (-5, 80_000, 2_100),
    ],
)
def test_the_samples_around_two_times_bound_the_wait_between_them(hand, from_us, to_us, expected):
    assert hand.wait.waited_us(from_us, to_us) == expected


def test_an_arrival_after_the_last_sample_asks_for_a_new_one(hand):
    hand.now_us, hand.threads = 85_000, {"2": 900}
    assert hand.wait.waited_us(60_000, 84_000) == 800
    assert hand.reads == 6


def test_a_time_is_known_once_a_sample_began_after_it(hand):
    assert hand.wait.knows(80_000)
    assert not hand.wait.knows(80_001)
    assert hand.reads == 5


def test_a_sample_counts_for_what_is_outside_of_it(monkeypatch):
    """In between, nobody knows which of its waits it has seen."""
    hand = Hand()

    def read_slowly():
        hand.now_us += 300
        return hand.read()

    hand.wait = BackendWait(lambda: hand.now_us, read_slowly)
    for at_us, waited_us in ((100_000, 900), (200_000, 1_900), (300_000, 2_900)):
        hand.sample(at_us, t1=waited_us)
    assert hand.wait.waited_us(200_300, 299_000) == 1_000
    assert hand.wait.waited_us(200_299, 299_000) == 2_000
    assert hand.wait.waited_us(150_000, 200_000) == 1_000
    assert hand.wait.waited_us(150_000, 200_001) == 2_000


def test_old_samples_are_forgotten_and_then_everything_before_counts(monkeypatch):
    monkeypatch.setattr(module, "MAX_US", 40_000)
    monkeypatch.setattr(module, "TRIM_AT", 1)
    hand = Hand()
    for n in range(1, 8):
        hand.sample(n * 20_000, t1=500 + n)
    assert hand.wait._began[0] >= 60_000
    assert hand.wait.waited_us(0, 140_000) == 507
    assert hand.wait.waited_us(100_000, 140_000) == 2


def test_a_sample_that_takes_too_long_is_not_taken_for_a_question():
    hand = Hand()

    def read_slowly():
        hand.now_us += module.MAX_ASKED_COST_US + 1
        return hand.read()

    hand.wait = BackendWait(lambda: hand.now_us, read_slowly)
    reads = hand.reads
    hand.now_us = 500_000
    assert hand.wait.waited_us(300_000, 400_000) == 100_000, "all of it may have been a wait"
    assert hand.reads == reads


def test_a_process_that_is_kept_from_its_core_waits():
    """Two busy processes on one core: each waits about half of the time."""
    core = str(min(os.sched_getaffinity(0)))
    command = ["taskset", "-c", core, sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
    rivals = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for rival in rivals:
            assert rival.stdout.readline()
        before = sum(run_queue_waits([rivals[0].pid]).values())
        while not sum(run_queue_waits([rivals[0].pid]).values()) > before:
            pass
    finally:
        for rival in rivals:
            rival.kill()
            rival.wait()
            rival.stdout.close()


def test_a_process_that_is_gone_has_no_waits():
    assert run_queue_waits([2**22 + 1]) == {}


def test_every_thread_of_every_process_has_its_own_wait(tmp_path, monkeypatch):
    for name, text in (
        ("7/task/7", "1 2500999 3"),
        ("7/task/9", "odd"),
        ("7/task/10", "4 5000 6"),
        ("8/task/8", "0 7000 0"),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "schedstat").write_text(text)
    monkeypatch.setattr(module, "PROC", str(tmp_path))
    waits = run_queue_waits([7, 5, 8])
    assert sorted(waits.values()) == [5, 7, 2_500]
    assert len(waits) == 3


def test_a_sample_that_takes_long_is_taken_seldom():
    hand = Hand()

    def read_slowly():
        hand.now_us += 1_000
        return hand.read()

    hand.now_us = 7_000_000
    hand.wait = BackendWait(lambda: hand.now_us, read_slowly)
    reads = hand.reads
    hand.now_us = 7_050_999
    hand.wait.sample()
    assert hand.reads == reads
    hand.now_us = 7_051_000
    hand.wait.sample()
    assert hand.reads == reads + 1


def test_an_arrival_at_the_time_of_the_last_sample_needs_no_other(hand):
    hand.now_us = 90_000
    assert hand.wait.waited_us(60_000, 80_000) == 300
    assert hand.reads == 5
