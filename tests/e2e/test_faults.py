"""The embedded backend makes faults on request and says which; a run must find exactly those."""

import json
import sys
from collections import Counter

import pytest
import requests

from bench.proofs.exact import differences, identities
from hubbub.ledger.findings import MAX_OF_EACH

pytestmark = pytest.mark.e2e
CLIENTS, CONVERSATIONS = 24, 4
MEMBERS = CLIENTS // CONVERSATIONS
RUN = (
    *("--clients", CLIENTS, "--conversations", CONVERSATIONS, "--max-conns-per-user", 3),
    *("--message-interval", "300ms", "--duration", "6s", "--reconcile", "all"),
)
SETTLED = ("--settled-after", 1)

EXACT = {
    "drop": "drop=0.02",
    "duplicate": "duplicate=0.02",
    "reorder": "reorder=0.02",
    "leak": "leak=0.02",
    "corrupt": "corrupt=0.02",
    "swallow": "swallow=0.03",
    "undelivered": "undelivered=0.03",
    "unstored": "unstored=0.03",
    "refuse": "refuse=0.03",
    "throttle": "throttle=0.03",
    "delay": "delay=1:uniform:1ms,80ms",
}
"""Faults whose every effect can be told from their number."""

ROUGH = {"close": "close=1/3", "stall": "stall=0.01/3:1s", "freeze": "freeze=0.05/2:700ms"}
"""Faults after which what was lost depends on the moment: the identities hold, and what is stored is confirmed."""


@pytest.fixture
def run_pair(start, start_backend, tmp_path):
    """Run against a faulty backend in one process and with two workers; returns (summary, truth) of both."""

    def run_pair(faults, seed):
        started = []
        for workers in (0, 2):
            options = [option for fault in faults for option in ("--fault", fault)]
            backend = start_backend(*options, "--fault-seed", str(seed), *map(str, SETTLED))
            folder = tmp_path / f"run-{workers}"
            command = [sys.executable, "-m", "hubbub", "perf-ws", "--host", backend.origin, "--run-dir", folder]
            started.append((start(*command, "--workers", workers, "--seed", seed, *RUN), backend, folder))
        found = []
        for program, backend, folder in started:
            assert program.code() in (0, 1, 3), program.text
            truth = requests.get(f"{backend.origin}/faults", timeout=30).json()
            assert all(fault["is_settled"] for fault in truth["faults"])
            found.append((json.loads((folder / "summary.json").read_text()), Counter(truth["counts"])))
        return found

    return run_pair


def check_exactly(summary, truth):
    """What the run found is what the backend did, and the first of each class are evidence."""
    deliveries = summary["deliveries"]
    assert differences(summary, truth, MEMBERS) == []
    assert summary["history"]["conversations"] == CONVERSATIONS
    kinds = Counter(finding["kind"] for finding in summary["evidence"])
    for kind in ("lost", "duplicated", "out_of_order", "leaked", "corrupt"):
        assert kinds[kind] == min(deliveries[kind], MAX_OF_EACH)
    assert kinds["vanished"] == summary["messages"]["vanished"]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", EXACT)
def test_a_fault_alone_is_found_exactly(run_pair, kind, seed):
    for summary, truth in run_pair([EXACT[kind]], seed):
        assert truth[kind] >= 3, "the fault hardly ever happened"
        check_exactly(summary, truth)


@pytest.mark.parametrize("seed", [pytest.param(1, marks=pytest.mark.essential), 2])
def test_all_faults_at_once_are_found_exactly(run_pair, seed):
    faults = [EXACT[kind].replace("0.02", "0.01") for kind in EXACT if kind != "delay"]
    for summary, truth in run_pair(faults, seed):
        assert len(truth) >= len(faults) - 1
        check_exactly(summary, truth)
        assert summary["verdict"]["result"] == "FAIL"


@pytest.mark.parametrize("seed", [pytest.param(1, marks=pytest.mark.essential), 2])
@pytest.mark.parametrize("kind", ROUGH)
def test_after_a_rough_fault_the_identities_hold(run_pair, kind, seed):
    for summary, truth in run_pair([ROUGH[kind]], seed):
        assert truth[kind] >= 2
        assert identities(summary) == []
        assert summary["history"]["stored"] == summary["messages"]["confirmed"]
        assert summary["history"]["delivered_not_stored"] == 0
        deliveries = summary["deliveries"]
        for name in ("duplicated", "out_of_order", "leaked", "corrupt", "foreign"):
            assert deliveries[name] == 0
        if kind == "close":
            assert summary["connections"]["dropped"] == truth["close"]
        else:
            assert summary["connections"]["dropped"] == 0
            assert deliveries["lost"] == 0


def test_losses_are_failures_of_the_response_row(run_pair, tmp_path):
    for (summary, truth), workers in zip(run_pair(["drop=1/7"], 1), (0, 2), strict=True):
        assert truth["drop"] == summary["deliveries"]["lost"] == 7
        table = (tmp_path / f"run-{workers}" / "locust_stats.csv").read_text()
        assert f"WS,response,{summary['deliveries']['expected']},7," in table


def test_without_faults_nothing_is_found(run_pair):
    for summary, truth in run_pair([], 1):
        assert not truth
        check_exactly(summary, truth)
        assert summary["evidence"] == []
        assert summary["messages"]["sent"] == CLIENTS * 20
        assert summary["deliveries"]["delivered"] == CLIENTS * 20 * MEMBERS


def test_a_fault_that_does_not_exist_is_one_sentence(start):
    program = start(sys.executable, "-m", "backend", "--port", "0", "--fault", "gremlins=1")
    assert program.code() == 2
    assert "a fault must be KIND=RATE" in program.text
    assert "Traceback" not in program.text
