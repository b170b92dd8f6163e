"""Deliveries are rows of Locust's tables, without a request for each, and outside of its totals."""

import csv

import pytest
from locust import stats

from hubbub.bridge.locust_stats import LocustStats, forget_old, hide_tables
from hubbub.ledger import Counts, Timings
from hubbub.run.messages import Report


@pytest.fixture
def output(environment):
    return LocustStats(environment)


def timed(*times_us):
    timings = Timings()
    for time_us in times_us:
        timings.response.record(time_us)
        timings.delivery.record(time_us)
    return timings


def test_only_what_is_new_of_a_worker_is_added(environment, output):
    output.add("w", timed(1_000, 2_000), Counts(), 100.0)
    output.add("w", timed(1_000, 2_000, 3_000), Counts(), 101.0)
    output.add("v", timed(9_000), Counts(), 101.0)
    row = environment.stats.entries["response", "WS"]
    assert (row.num_requests, round(row.min_response_time), round(row.max_response_time)) == (4, 1, 9)
    assert dict(row.num_reqs_per_sec) == {100: 2, 101: 2}
    assert environment.stats.total.num_requests == 0


def test_lost_deliveries_are_failures_of_the_response_row(environment, output):
    output.add("w", timed(1_000), Counts(lost=2), 100.0)
    row = environment.stats.entries["response", "WS"]
    assert (row.num_requests, row.num_failures, row.num_none_requests) == (3, 2, 2)
    assert environment.stats.entries["delivery", "WS"].num_failures == 0


def test_nothing_new_adds_no_row(environment, output):
    output.add("w", timed(), Counts(), 100.0)
    assert ("response", "WS") not in environment.stats.entries


def test_the_tables_are_written_as_of_the_end(environment, output, tmp_path):
    output.begin(tmp_path)
    output.take(Report(run="r", worker="w", token="t", timings=timed(1_000, 2_000)))
    output.end()
    with (tmp_path / "locust_stats.csv").open() as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    assert rows["response"]["Request Count"] == "2"
    assert {path.name for path in tmp_path.iterdir()} >= {"locust_failures.csv", "locust_exceptions.csv"}


def test_a_row_keeps_the_newest_seconds_only():
    by_second = dict.fromkeys(range(100), 1)
    forget_old(by_second)
    assert list(by_second) == list(range(40, 100))
    forget_old(by_second)
    assert len(by_second) == 60


def test_locusts_tables_are_hidden_for_the_rest_of_the_process(monkeypatch, capsys):
    names = ("print_stats", "print_percentile_stats", "print_error_report")
    for name in names:
        monkeypatch.setattr(stats, name, getattr(stats, name))  # puts them back at the end
    hide_tables()
    stats.print_stats(None, current=False)
    stats.print_percentile_stats(None)
    stats.print_error_report(None)
    assert capsys.readouterr() == ("", "")
