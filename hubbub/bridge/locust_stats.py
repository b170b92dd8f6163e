"""Deliveries as rows of Locust's own tables, without a `request` event for each.

The rows are made from what workers report, once a second, on the node that conducts the run. They are kept out of
Locust's totals: a delivery is no request, and thousands of them would drown those that are.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gevent
from locust import stats
from locust.stats import StatsEntry, bucket_response_time

from hubbub.ledger import Counts, Timings
from hubbub.metrics.histogram import Histogram, middle_of
from hubbub.run.messages import Report

METHOD = "WS"
SERIES = ("response", "delivery")

KEPT_SECONDS = 60
"""Locust keeps a count for every second of a run, and looks at those of the last twelve."""


def forget_old(by_second: dict[int, int]) -> None:
    """Keep the newest seconds of a row only: a run may last for days."""
    for second in list(by_second)[:-KEPT_SECONDS]:
        del by_second[second]


def hide_tables() -> None:
    """Locust prints three tables at its end, 175 columns wide; ours say what they say, and they stand in its CSV."""
    for name in ("print_stats", "print_percentile_stats", "print_error_report"):
        setattr(stats, name, lambda *_args, **_named: None)


class LocustStats:
    """The output of a run in an environment's tables and CSV files; see `hubbub.run.output`."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._stats = environment.stats
        self._known: dict[str, tuple[Timings, int]] = {}
        self._nothing = Timings()
        self._error: OSError | None = None

    def begin(self, folder: Path) -> None:
        """Begin to write Locust's tables, once a second."""
        percentiles = stats.PERCENTILES_TO_REPORT
        self._csv = stats.StatsCSVFileWriter(self._environment, percentiles, str(folder / "locust"), True)
        self._writing = gevent.spawn(self._write)

    def _write(self) -> None:
        """A disk may be full: what is wrong with it is said at the next report, instead of as a traceback."""
        try:
            self._csv.stats_writer()
        except OSError as error:
            self._error = error

    def take(self, report: Report) -> None:
        """Add what a worker has timed since it was here last. Raises OSError when the tables cannot be written."""
        if self._error is not None:
            raise self._error
        self.add(report.worker, report.timings, report.counts, time.time())

    def end(self) -> None:
        """Write Locust's tables for the last time; they are as of now."""
        self._writing.kill()
        fresh = self._csv
        fresh.close_files()
        with (
            open(f"{fresh.base_filepath}_stats.csv", "w", encoding="utf-8") as requests,
            open(f"{fresh.base_filepath}_failures.csv", "w", encoding="utf-8") as failures,
            open(f"{fresh.base_filepath}_exceptions.csv", "w", encoding="utf-8") as exceptions,
        ):
            fresh.requests_csv(stats.csv.writer(requests))
            fresh.failures_csv(stats.csv.writer(failures))
            fresh.exceptions_csv(stats.csv.writer(exceptions))

    def add(self, worker: str, timings: Timings, counts: Counts, now_s: float) -> None:
        """Lost deliveries are failures of the response row."""
        before, lost_before = self._known.get(worker, (self._nothing, 0))
        self._known[worker] = timings, counts.lost
        for name in SERIES:
            added = getattr(timings, name).since(getattr(before, name))
            self._extend(name, added, counts.lost - lost_before if name == "response" else 0, now_s)

    def _extend(self, name: str, added: Histogram, lost: int, now_s: float) -> None:
        buckets = added.buckets
        count = sum(buckets.values())
        if not count and not lost:
            return
        row = StatsEntry(self._stats, name, METHOD)
        second = int(now_s)
        row.num_requests, row.num_none_requests, row.num_failures = count + lost, lost, lost
        row.last_request_timestamp = now_s
        row.num_reqs_per_sec[second] = count + lost
        if lost:
            row.num_fail_per_sec[second] = lost
        for bucket, number in buckets.items():
            milliseconds = middle_of(bucket) / 1_000
            row.response_times[bucket_response_time(milliseconds)] += number
            row.total_response_time += milliseconds * number
        if count:
            row.min_response_time = middle_of(min(buckets)) / 1_000
            row.max_response_time = middle_of(max(buckets)) / 1_000
        known = self._stats.entries[name, METHOD]
        known.extend(row)
        for by_second in (known.num_reqs_per_sec, known.num_fail_per_sec):
            forget_old(by_second)
        self._stats.total.last_request_timestamp = now_s  # no count: Locust divides every row by this time
