"""Every kind of client of the folder is found by its class."""

from hubbub.bridge.user import ChatUser
from users import all_users


def test_every_kind_is_found_by_its_name():
    kinds = all_users()
    assert {"Chatter", "Lurker", "Roamer", "SlowReader", "Poster", "Newcomer", "Reconnector"} <= set(kinds)
    assert all(issubclass(kind, ChatUser) and not kind.abstract for kind in kinds.values())
