"""A result is what workers measured, and can be told from an earlier state of itself."""

from dataclasses import replace

from hubbub.ledger import Counts


def test_a_blank_result_has_measured_nothing(run_result):
    run_result.counts.sent = 5
    blank = run_result.blank()
    assert (blank.counts, blank.run_id) == (Counts(), run_result.run_id)


def test_churn_is_meant_by_a_shape_or_a_kind_of_client(run_result):
    assert not run_result.has_churn
    assert replace(run_result, comes_and_goes=True).has_churn
    assert replace(run_result, settings=replace(run_result.settings, shape="ramp")).has_churn


def test_what_happened_since_an_earlier_state(run_result):
    earlier = replace(run_result, counts=Counts(sent=3))
    later = replace(run_result, counts=Counts(sent=8))
    assert later.since(earlier).counts.sent == 5


def test_how_late_our_own_sends_were_has_one_end(run_result):
    run_result.timings.send_lag.record(5)
    assert run_result.low("send_lag") is run_result.series("send_lag")
    assert run_result.low("join") is run_result.phase_stats.low["join"]


def test_health_that_was_not_measured_is_none(run_result):
    blank = run_result.blank()
    assert set(blank.health_figures().values()) == {None}
