"""Every client that is asked for plans within the window, and what was planned and not sent is unsent."""

import pytest

from hubbub.client.send_plans import Plans
from hubbub.pacing.plan import SendPlan, ThinkPlan


class Planned:
    """Plans of clients 0, 1, ... in conversation 0, of whom those in `ready` are ready when the window opens."""

    def __init__(self, place, length_us=10_000_000, start_together=True, asked=1, ready=(0,)):
        self.scheduler, self.ledger = place.scheduler, place.ledger
        self.plans = Plans(place.context)
        for client in range(asked):
            self.plans.ask(client, 0)
        ready_us = place.scheduler.now_us()
        place.scheduler.advance(1)
        self.starts_us = place.scheduler.now_us()
        self.plans.open_window(self.starts_us, length_us, start_together)
        for client in ready:
            self.plans.begin(client, 0, ready_us)

    @property
    def figures(self):
        return self.ledger.counts.unsent, self.plans.remaining

    def send(self, client):
        plan = self.plans.of(client)
        intended_us = plan.intended_us()
        plan.mark_sent(self.scheduler.now_us())
        self.plans.note_sent(intended_us, self.scheduler.now_us())


@pytest.fixture
def make(make_place):
    return lambda length_us=10_000_000, start_together=True, asked=1, ready=(0,), **options: Planned(
        make_place(**{"message_interval": "1s"} | options), length_us, start_together, asked, ready
    )


@pytest.mark.parametrize(
    ("options", "kind"), [({}, SendPlan), ({"arrivals": "poisson"}, SendPlan), ({"model": "closed"}, ThinkPlan)]
)
def test_the_load_model_decides_the_plan(make, options, kind):
    assert isinstance(make(**options).plans.of(0), kind)


def test_a_plan_begins_with_the_window_or_with_its_client(make):
    together, own = make(), make(start_together=False, ready=())
    assert together.plans.of(0).intended_us() == together.starts_us
    own.scheduler.advance(2.5)
    own.plans.begin(0, 0, own.scheduler.now_us())
    assert own.plans.of(0).intended_us() == own.starts_us + 2_500_000
    assert own.figures == (0, 8)


def test_what_was_not_sent_is_unsent(make):
    planned = make()
    planned.send(0)
    planned.scheduler.advance(4.5)
    planned.plans.end_all()
    planned.plans.end_all()
    planned.plans.leave(0)
    assert planned.ledger.counts.unsent == 4
    assert sum(planned.plans.load.planned.values()) == 5


def test_a_client_that_was_never_ready_has_all_of_its_plan_unsent(make):
    planned = make(asked=3, ready=(0, 2))
    assert planned.figures == (0, 30)
    planned.scheduler.advance(10)
    planned.plans.end_all()
    assert planned.figures == (30, 0)


def test_a_client_that_comes_late_makes_up_for_nothing(make):
    planned = make(ready=())
    planned.scheduler.advance(4.5)
    planned.plans.begin(0, 0, planned.scheduler.now_us())
    assert planned.figures == (5, 5)
    assert planned.plans.of(0).intended_us() == planned.starts_us + 5_000_000
    planned.plans.begin(0, 0, planned.scheduler.now_us())
    assert planned.figures == (5, 5)


def test_a_client_that_is_lost_goes_on_with_its_plan(make):
    planned = make()
    for _ in range(3):
        planned.send(0)
        planned.scheduler.advance(1)
    planned.scheduler.advance(3)
    planned.plans.ask(0, 0)
    planned.plans.begin(0, 0, planned.scheduler.now_us())
    assert planned.figures == (3, 4)
    assert planned.plans.of(0).intended_us() == planned.starts_us + 6_000_000


def test_random_plans_go_on_as_they_would_have(make):
    missing, whole = make(arrivals="poisson"), make(arrivals="poisson")
    missing.scheduler.advance(5)
    times = whole.plans.of(0).unsent_us(whole.starts_us + 10_000_000)
    missing.plans.begin(0, 0, missing.scheduler.now_us())
    later = [time_us for time_us in times if time_us >= whole.starts_us + 5_000_000]
    assert missing.plans.of(0).unsent_us(missing.starts_us + 10_000_000) == later
    assert missing.ledger.counts.unsent == len(times) - len(later)


def test_who_asked_for_a_client_may_stop_it(make):
    planned = make(asked=2, ready=(0,))
    planned.send(0)
    planned.scheduler.advance(3.7)
    planned.plans.leave(0)
    planned.plans.leave(1)
    planned.plans.leave(1)
    assert planned.figures == (3 + 4, 0)


def test_a_client_that_is_asked_for_later_has_time_to_get_ready(make):
    planned = make(ready=(0,), ready_timeout="2s")
    planned.scheduler.advance(3)
    planned.plans.ask(1, 0)
    assert planned.figures == (0, 10 + 5)
    planned.scheduler.advance(1)
    planned.plans.begin(1, 0, planned.scheduler.now_us())
    assert planned.figures == (0, 10 + 6)
    planned.plans.ask(2, 0)
    planned.scheduler.advance(6)
    planned.plans.end_all()
    assert planned.ledger.counts.unsent == 10 + 6 + 4


def test_what_is_sent_after_the_window_belongs_to_its_last_second(make):
    planned = make(length_us=3_000_000)
    planned.plans.note_sent(planned.starts_us + 2_900_000, planned.starts_us + 3_400_000)
    assert (dict(planned.plans.load.planned), dict(planned.plans.load.sent)) == ({2: 1}, {2: 1})


def test_without_an_end_nothing_is_said_to_remain(make):
    planned = make(length_us=None, asked=2, ready=(0, 1))
    planned.scheduler.advance(2.5)
    planned.plans.end_all()
    assert planned.figures == (5, 0)


def test_before_the_window_opens_nobody_plans(place):
    plans = Plans(place.context)
    plans.ask(0, 0)
    plans.leave(0)
    plans.end_all()
    assert (plans.remaining, place.ledger.counts.unsent) == (0, 0)
