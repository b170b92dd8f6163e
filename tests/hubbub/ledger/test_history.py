"""What was seen against what was stored."""

from hubbub.ledger import encode_tag
from hubbub.ledger.history import History, compare, stored_keys
from hubbub.ledger.tag import message_key

RUN = 7


def content(sender, number, run=RUN):
    return encode_tag(run, 0, sender, number, 0, 0, "text") + "text"


def test_only_this_runs_messages_are_looked_at():
    stored = stored_keys([content(1, 1), content(1, 1), content(1, 2, run=8), "good morning"], RUN)
    assert stored == {message_key(1, 1): 2}


def test_each_difference_is_counted():
    stored = stored_keys([content(1, 1), content(1, 2), content(1, 2), content(1, 2), content(1, 3)], RUN)
    seen = [message_key(1, number) for number in (1, 2, 4, 5)]
    unseen = [message_key(1, number) for number in (3, 6)]
    expected = {"conversations": 1, "stored": 3, "stored_not_delivered": 1, "stored_twice": 2, "wanted": 6}
    assert compare(seen, unseen, stored, True) == History(**expected, delivered_not_stored=2, not_stored=1)
    assert compare(seen, unseen, stored, False) == History(**expected, unknown=3)


def test_unseen_messages_are_compared_alone_too():
    stored = stored_keys([content(1, 1), content(1, 2)], RUN)
    unseen = [message_key(1, number) for number in (2, 3)]
    found = compare(None, unseen, stored, True)
    assert found == History(conversations=1, stored=2, stored_not_delivered=1, not_stored=1, wanted=2)


def test_conversations_add_up():
    total = History()
    total.add(compare([1, 2], [], stored_keys([], RUN), True))
    total.add(compare([], [], stored_keys([content(1, 1)], RUN), True))
    assert total == History(conversations=2, stored=1, delivered_not_stored=2, stored_not_delivered=1, wanted=2)
