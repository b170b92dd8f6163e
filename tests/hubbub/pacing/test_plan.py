"""Send plans are absolute, and nothing moves them."""

from hypothesis import given
from hypothesis import strategies as st

from hubbub.pacing.plan import SendPlan, phase_us


def send_all(plan, now_us=0):
    times = []
    while (at_us := plan.send_at_us()) is not None:
        now_us = max(now_us, at_us)
        plan.mark_sent(now_us)
        times.append(now_us)
    return times


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 100))
def test_a_client_sends_exactly_duration_by_interval_when_they_divide(client, interval_s, count):
    interval_us = interval_s * 1_000_000
    plan = SendPlan(phase_us(client, interval_us), interval_us, count * interval_us)
    assert len(send_all(plan)) == count


@given(st.integers(1, 200))
def test_any_number_of_clients_is_spread_evenly_over_the_interval(clients):
    phases = sorted(phase_us(client, 1_000_000) for client in range(clients))
    gaps = [b - a for a, b in zip(phases, [*phases[1:], phases[0] + 1000000], strict=True)]
    assert max(gaps) <= 2.7 * 1_000_000 / clients  # the three-gap theorem bounds it near 1 + golden ratio


def test_a_stall_does_not_move_the_plan_and_its_backlog_goes_at_ten_a_second():
    plan = SendPlan(0, 1_000_000, 6_000_000)
    plan.mark_sent(0)
    times = send_all(plan, now_us=4_500_000)
    assert times == [4_500_000, 4_600_000, 4_700_000, 4_800_000, 5_000_000]


def test_what_was_planned_and_not_sent_is_unsent():
    plan = SendPlan(500, 1_000, 10_000)
    assert plan.unsent(500) == 0
    assert plan.unsent(501) == 1
    assert plan.unsent(1_000_000) == 10
    plan.mark_sent(600)
    assert plan.unsent(1_000_000) == 9


def test_a_plan_without_an_end_goes_on():
    plan = SendPlan(0, 1_000)
    assert plan.intended_us() == 0
    plan.sent = 10**6
    assert plan.intended_us() == 10**9
