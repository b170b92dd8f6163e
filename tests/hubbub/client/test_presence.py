"""Who is connected and shown as offline is found; who comes and goes is not."""

import pytest

from hubbub.client.presence import Presence
from hubbub.metrics.phase_stats import Connections

S = 1_000_000
LISTENER, USER = 5, 70


@pytest.fixture
def counts():
    return Connections()


@pytest.fixture
def presence(counts):
    presence = Presence(counts)
    presence.connected(USER)
    return presence


def decided(presence, counts, now_us):
    presence.decide(now_us)
    return counts.presence_told, counts.presence_wrong


def test_who_is_connected_and_said_to_be_offline_is_found_once(presence, counts):
    presence.status(LISTENER, USER, False, 1 * S)
    presence.status(LISTENER + 1, USER, False, 2 * S)
    assert decided(presence, counts, 5 * S) == (2, 0)
    assert decided(presence, counts, 6 * S) == (2, 1)
    assert decided(presence, counts, 60 * S) == (2, 2)


@pytest.mark.parametrize(
    "then",
    [
        lambda presence: presence.status(LISTENER, USER, True, 2 * S),
        lambda presence: presence.disconnected(USER),
        lambda presence: presence.gone(LISTENER),
    ],
)
def test_what_is_put_right_or_became_true_is_not_wrong(presence, counts, then):
    presence.status(LISTENER, USER, False, 1 * S)
    then(presence)
    assert decided(presence, counts, 60 * S)[1] == 0


def test_who_is_not_connected_may_be_said_to_be_offline(presence, counts):
    presence.disconnected(USER)
    presence.status(LISTENER, USER, False, 1 * S)
    presence.connected(USER)
    assert decided(presence, counts, 60 * S) == (1, 0)


def test_one_of_two_connections_is_enough_to_be_online(presence, counts):
    presence.connected(USER)
    presence.disconnected(USER)
    presence.status(LISTENER, USER, False, 1 * S)
    assert decided(presence, counts, 60 * S) == (1, 1)


def test_accounts_of_others_are_ignored(presence, counts):
    presence.status(LISTENER, 99, False, 1 * S)
    assert decided(presence, counts, 60 * S) == (0, 0)
