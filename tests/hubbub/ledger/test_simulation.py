"""Each fault alone and all at once, over many seeds: the ledger finds exactly what was done."""

import pytest

from tests.effort import seeds
from tests.hubbub.ledger.simulation import KINDS, Simulation

SEEDS = seeds(20)
RATE = 0.02


def check(simulation, counts):
    """What the ledger says is what the simulation did."""
    truth = simulation.truth
    found = (counts.duplicated, counts.out_of_order, counts.leaked, counts.corrupt, counts.vanished, counts.refused)
    assert found == tuple(truth[kind] for kind in ("duplicate", "reorder", "leak", "corrupt", "swallow", "refuse"))
    assert counts.lost == truth["lost"]
    assert counts.foreign == counts.throttled == 0
    assert counts.late <= counts.excused
    assert counts.due == counts.delivered + counts.lost + counts.excused
    assert counts.sent == counts.confirmed + counts.refused + counts.vanished + counts.indefinite
    assert simulation.history.delivered_not_stored == truth["unstored"]
    assert simulation.history.stored_not_delivered >= truth["undelivered"]
    assert simulation.history.stored_twice == 0


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_alone_is_found_exactly(kind):
    injected = 0
    for seed in SEEDS:
        simulation = Simulation(seed, {kind: RATE}, seconds=30)
        check(simulation, simulation.run())
        injected += simulation.truth[kind]
    assert injected > len(SEEDS), "the fault hardly ever happened"


@pytest.mark.parametrize("seed", SEEDS)
def test_all_faults_at_once_are_found_exactly(seed):
    simulation = Simulation(seed, dict.fromkeys(KINDS, RATE))
    check(simulation, simulation.run())
    assert all(simulation.truth[kind] for kind in ("drop", "duplicate", "corrupt", "leak", "reorder"))


@pytest.mark.parametrize("seed", SEEDS)
def test_without_faults_nothing_is_found(seed):
    simulation = Simulation(seed, {})
    counts = simulation.run()
    check(simulation, counts)
    assert not simulation.ledger.findings.kept
    assert counts.lost == 0
    assert counts.delivered > 1_000
    assert counts.excused, "nobody left at the wrong moment, so nothing was tested"
    assert simulation.truth["joined again"]
