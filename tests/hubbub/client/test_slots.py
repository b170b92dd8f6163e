"""Connections acquire slots on accounts."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.client.accounts import Account
from hubbub.client.slots import SlotPool
from hubbub.errors import RunError


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 8), st.data())
def test_slots_are_spread_evenly_and_within_the_cap(accounts, cap, conversations, data):
    conversations = min(conversations, accounts)
    slots = SlotPool([Account(n, f"a{n}", "p", [n % conversations]) for n in range(accounts)], cap)
    count = data.draw(st.integers(0, accounts * cap))
    acquired = [slots.acquire() for _ in range(count)]
    per_account = Counter(slot.account.index for slot in acquired)
    assert max(per_account.values(), default=0) <= cap
    assert len({slot.number for slot in acquired}) == count
    if accounts % conversations == 0:
        per_conversation = Counter(slot.conversation for slot in acquired)
        assert (
            not count or max(per_conversation.values()) - min(per_conversation.values()) <= 1 or count < conversations
        )


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 6))
def test_the_places_of_a_conversation_count_on(conversations, hosts, each):
    slots = SlotPool([Account(n, f"a{n}", "p", [n % conversations]) for n in range(conversations * each)], 2)
    acquired = [slots.acquire() for _ in range(conversations * each * 2)]
    for conversation in range(conversations):
        at = Counter(slot.place % hosts for slot in acquired if slot.conversation == conversation)
        assert max(at.values()) - min(at.get(host, 0) for host in range(hosts)) <= 1


def test_a_released_slot_is_acquired_again():
    slots = SlotPool([Account(0, "a", "p", [0])], 1)
    slot = slots.acquire()
    with pytest.raises(RunError, match="slots"):
        slots.acquire()
    slots.release(slot)
    assert slots.acquire() is slot
