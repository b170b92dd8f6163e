"""Plans keep to the window, and what was planned and not sent is unsent."""

import pytest

from hubbub.client.send_plans import Plans
from hubbub.pacing.plan import SendPlan, ThinkPlan


def plans_of(place, length_us=10_000_000, start_together=True):
    plans = Plans(place.context)
    plans.open_window(place.scheduler.now_us(), length_us, start_together)
    return plans


@pytest.mark.parametrize(
    ("options", "kind"), [({}, SendPlan), ({"arrivals": "poisson"}, SendPlan), ({"model": "closed"}, ThinkPlan)]
)
def test_the_load_model_decides_the_plan(make_place, options, kind):
    place = make_place(**options)
    assert isinstance(plans_of(place).make(0, place.session()), kind)


def test_a_plan_begins_with_the_window_or_with_its_client(place):
    together, own = plans_of(place), plans_of(place, start_together=False)
    place.scheduler.advance(2)
    session = place.session()
    first_us = together.make(0, session).intended_us()
    assert own.make(0, session).intended_us() == first_us + 2_000_000


def test_what_was_not_sent_is_unsent(make_place):
    place = make_place(message_interval="1s")
    plans, session = plans_of(place), place.session()
    plans.make(0, session)
    place.scheduler.advance(4.5)
    plans.end(session)
    plans.end(session)
    assert place.ledger.counts.unsent == 5
    assert sum(plans.load.planned.values()) == 5


def test_what_is_sent_after_the_window_belongs_to_its_last_second(place):
    plans = plans_of(place, length_us=3_000_000)
    start_us = place.scheduler.now_us()
    plans.note_sent(start_us + 2_900_000, start_us + 3_400_000)
    assert (dict(plans.load.planned), dict(plans.load.sent)) == ({2: 1}, {2: 1})


def test_all_plans_end_together(make_place):
    place = make_place(message_interval="1s")
    plans = plans_of(place, length_us=None)
    for account in (0, 1):
        plans.make(account, place.session(account))
    place.scheduler.advance(2.5)
    plans.end_all()
    assert place.ledger.counts.unsent > 2
