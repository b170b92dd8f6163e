"""Send plans are absolute, and nothing moves them."""

from hypothesis import given
from hypothesis import strategies as st

from hubbub.pacing.plan import SendPlan, ThinkPlan, constant_gaps, phase_us, poisson_gaps


def constant(first_us, interval_us, end_us=None):
    return SendPlan(first_us, constant_gaps(interval_us), end_us, interval_us)


def send_all(plan, now_us=0):
    times = []
    while (at_us := plan.send_at_us()) is not None:
        now_us = max(now_us, at_us)
        plan.mark_sent(now_us)
        times.append(now_us)
    return times


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 100))
def test_a_client_sends_exactly_duration_by_interval(client, interval_s, count):
    interval_us = interval_s * 1_000_000
    plan = constant(phase_us(client, interval_us), interval_us, count * interval_us)
    assert len(send_all(plan)) == count


@given(st.integers(1, 200))
def test_any_number_of_clients_is_spread_evenly_over_the_interval(clients):
    phases = sorted(phase_us(client, 1_000_000) for client in range(clients))
    gaps = [b - a for a, b in zip(phases, [*phases[1:], phases[0] + 1000000], strict=True)]
    assert max(gaps) <= 2.7 * 1_000_000 / clients  # the three-gap theorem bounds it near 1 + golden ratio


def test_a_backlog_goes_at_ten_a_second():
    plan = constant(0, 1_000_000, 6_000_000)
    plan.mark_sent(0)
    times = send_all(plan, now_us=4_500_000)
    assert times == [4_500_000, 4_600_000, 4_700_000, 4_800_000, 5_000_000]


def test_what_was_planned_and_not_sent_is_unsent():
    plan = constant(500, 1_000, 10_000)
    assert plan.unsent_us(500) == []
    assert plan.unsent_us(501) == [500]
    assert plan.unsent_us(1_000_000) == list(range(500, 10_000, 1_000))
    plan.mark_sent(600)
    assert plan.unsent_us(1_000_000) == list(range(1_500, 10_000, 1_000))


def test_a_plan_without_an_end_goes_on():
    plan = constant(0, 1_000)
    for number in range(1_000):
        assert plan.intended_us() == number * 1_000
        plan.mark_sent(number * 1_000)


def test_poisson_arrivals_have_their_mean_spread_and_seed():
    gap_us = poisson_gaps(1_000_000, seed=7, client=3)
    gaps = [gap_us(n) for n in range(20_000)]
    mean = sum(gaps) / len(gaps)
    assert abs(mean - 1_000_000) < 30_000
    assert abs(sum((gap - mean) ** 2 for gap in gaps) / len(gaps) - mean**2) < 0.1 * mean**2
    assert gaps == [poisson_gaps(1_000_000, seed=7, client=3)(n) for n in range(20_000)]
    assert gaps[:10] != [poisson_gaps(1_000_000, seed=7, client=4)(n) for n in range(10)]


def test_messages_that_are_planned_close_together_are_no_backlog():
    plan = SendPlan(0, lambda n: (2_000, 50, 1_000_000)[n], None, 1_000_000)
    times = []
    for _ in range(3):
        times.append(plan.send_at_us())
        plan.mark_sent(times[-1] + 300)
    assert times == [0, 2_000, 2_050]


def test_a_poisson_plan_is_absolute_too():
    plan = SendPlan(0, poisson_gaps(1_000_000, 1, 1), 60_000_000, 1_000_000)
    planned = plan.unsent_us(60_000_000)
    intended = []
    while (at_us := plan.intended_us()) is not None:
        intended.append(at_us)
        plan.mark_sent(at_us + 123_456)
    assert intended == planned


def test_a_thinking_client_waits_until_its_message_was_seen():
    plan = ThinkPlan(first_us=100, think_us=1_000, end_us=5_000)
    assert plan.send_at_us() == 100
    plan.mark_sent(150)
    assert plan.is_waiting
    assert plan.send_at_us() is None
    plan.mark_seen(3_000)
    assert plan.send_at_us() == 4_000
    plan.mark_sent(4_000)
    plan.mark_seen(4_500)
    assert plan.send_at_us() is None, "no time is left"
    assert (plan.sent, plan.unsent_us(10_000)) == (2, [])


def test_a_backlog_goes_as_fast_as_it_is_told():
    plan = SendPlan(0, lambda _: 1_000_000, None, 1_000_000, backlog_gap_us=50_000)
    plan.mark_sent(10_000_000)
    assert plan.send_at_us() == 10_050_000
