"""The sampler reads what the machine really says: each is fed the thing it has to notice."""

import gc
from types import SimpleNamespace

import gevent
import pytest

from hubbub.client.scheduler import GeventScheduler
from hubbub.clock import monotonic_us
from hubbub.health import sampler as module
from hubbub.health.loop import BEAT_US, LoopWatch
from hubbub.health.sampler import Sampler, cpu_stats, run_queue_us, times_throttled
from hubbub.metrics.histogram import Histogram

BLOCKED_US = 200_000


def burn(until_us):
    while monotonic_us() < until_us:
        pass


@pytest.fixture
def sampler():
    loop = LoopWatch(GeventScheduler(), lambda: None)
    loop.start()
    sampler = Sampler(monotonic_us, loop, Histogram())
    sampler.start()
    yield sampler
    sampler.stop()
    sampler.stop()
    loop.stop()


def close(sampler, **figures):
    empty = {"send_lag": Histogram(), "response": Histogram(), "dropped": 0}
    return sampler.close_second(**(empty | figures))


def test_a_blocked_loop_is_late_and_uses_the_core(sampler):
    gevent.sleep(0)
    burn(monotonic_us() + BLOCKED_US)
    second = close(sampler)
    assert second.loop_lag_us >= BLOCKED_US - BEAT_US
    assert second.cpu_us > 0
    assert second.span_us >= BLOCKED_US


def test_a_new_second_begins_where_the_last_one_ended(sampler):
    first, second = close(sampler), close(sampler)
    assert first.ended_us == second.began_us
    assert second.gc_pause_us == 0


def test_a_garbage_collection_is_timed(sampler):
    close(sampler)
    kept = [[] for _ in range(100_000)]
    gc.collect()
    assert close(sampler).gc_pause_us > 0
    assert kept


def test_the_time_spent_waiting_for_a_core_only_grows():
    before = run_queue_us()
    assert before is not None
    burn(monotonic_us() + 1_000)
    assert run_queue_us() >= before


def test_the_send_lag_needs_enough_sends(sampler):
    few, enough = Histogram(), Histogram()
    for lag_us in range(module.MIN_SENDS - 1):
        few.record(lag_us)
    for _ in range(module.MIN_SENDS):
        enough.record(7_000)
    assert close(sampler, send_lag=few).send_lag_p99_us is None
    assert close(sampler, send_lag=enough).send_lag_p99_us == pytest.approx(7_000, rel=0.004)


def test_control_groups_of_both_versions_are_found(tmp_path, monkeypatch):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cgroup").write_text("4:memory:/x\n1:cpu,cpuacct:/job/one\n0::/job\n")
    for folder, count in (("cpu,cpuacct", 0), ("cpu,cpuacct/job/one", 3), ("job", 4)):
        path = tmp_path / "cgroup" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "cpu.stat").write_text(f"nr_periods 9\nnr_throttled {count}\n")
    monkeypatch.setattr(module, "PROC", tmp_path / "proc")
    monkeypatch.setattr(module, "CGROUPS", tmp_path / "cgroup")
    assert times_throttled(cpu_stats()) == 7


def test_a_machine_that_tells_nothing_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PROC", tmp_path)
    assert run_queue_us() is None
    assert times_throttled(cpu_stats()) is None


def test_sampling_stops_and_leaves_nothing_behind():
    before = list(gc.callbacks)
    sampler = Sampler(monotonic_us, LoopWatch(GeventScheduler(), lambda: None), Histogram())
    sampler.start()
    assert len(gc.callbacks) == len(before) + 1
    sampler.stop()
    assert gc.callbacks == before


def test_a_second_is_the_difference_of_two_reads(monkeypatch):
    """Every figure of the machine, with a machine that is set by hand."""
    now = {"clock": 1_000_000, "cpu": 5_000_000_000, "wait": 70, "throttled": 3}
    monkeypatch.setattr(module.time, "process_time_ns", lambda: now["cpu"])
    monkeypatch.setattr(module, "run_queue_us", lambda: now["wait"])
    monkeypatch.setattr(module, "times_throttled", lambda _files: now["throttled"])
    loop = LoopWatch(SimpleNamespace(now_us=lambda: now["clock"]), lambda: None)
    sampler = Sampler(lambda: now["clock"], loop, Histogram())
    now |= {"clock": 2_000_000, "cpu": 5_100_999_999, "wait": 95, "throttled": 4}
    loop._beat_us = 1_990_000
    response = Histogram()
    response.record(200)
    sampler._on_gc("start", {})
    now["clock"] += 300
    sampler._on_gc("stop", {})
    second = sampler.close_second(Histogram(), response, dropped=6)
    assert (second.began_us, second.ended_us, second.cpu_us) == (1_000_000, 2_000_300, 100_999)
    assert (second.run_queue_us, second.throttled, second.gc_pause_us, second.dropped) == (25, 1, 300, 6)
    assert (second.response_p50_us, second.loop_lag_us) == (200, 0)
    assert close(Sampler(lambda: now["clock"], loop, Histogram())).gc_pause_us == 0
    now |= {"wait": None, "throttled": None}
    assert (close(sampler).run_queue_us, close(sampler).throttled) == (None, None)
    now |= {"wait": 5, "throttled": 5}
    later = close(sampler)
    assert (later.run_queue_us, later.throttled, later.gc_pause_us) == (None, None, 0)


def test_what_the_kernel_says_is_read_in_microseconds(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PROC", tmp_path)
    (tmp_path / "schedstat").write_text("111 2005999 333\n")
    assert run_queue_us() == 2_005


def test_a_control_group_of_version_2_alone_is_the_root_of_all(tmp_path, monkeypatch):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cgroup").write_text("0::/X:b\n")
    for folder, count in (("", 5), ("X:b", 2)):
        path = tmp_path / "cgroup" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "cpu.stat").write_text(f"nr_throttled {count}\n")
    monkeypatch.setattr(module, "PROC", tmp_path / "proc")
    monkeypatch.setattr(module, "CGROUPS", tmp_path / "cgroup")
    files = cpu_stats()
    assert files == [tmp_path / "cgroup" / "X:b" / "cpu.stat", tmp_path / "cgroup" / "cpu.stat"]
    files.insert(0, tmp_path / "gone")
    assert times_throttled(files) == 7


def test_cgroup_v2_beside_v1_has_its_own_folder(tmp_path, monkeypatch):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cgroup").write_text("3:cpuset:/y\n2:cpu:/x\n0::/job\n")
    for folder in ("unified/job", "cpu/x", "job", "cpuset/y"):
        path = tmp_path / "cgroup" / folder
        path.mkdir(parents=True)
        (path / "cpu.stat").write_text("nr_throttled 1\n")
    monkeypatch.setattr(module, "PROC", tmp_path / "proc")
    monkeypatch.setattr(module, "CGROUPS", tmp_path / "cgroup")
    assert cpu_stats() == [tmp_path / "cgroup" / "cpu/x/cpu.stat", tmp_path / "cgroup" / "unified/job/cpu.stat"]
