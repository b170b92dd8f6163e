"""Kinds of users, one per file. A locustfile binds those that a run may use."""

from users.chatter import Chatter
from users.lurker import Lurker
from users.roamer import Roamer
from users.slow_reader import SlowReader

__all__ = ["Chatter", "Lurker", "Roamer", "SlowReader"]
