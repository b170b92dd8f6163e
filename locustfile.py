"""What Locust loads: binds the kinds of users and the load shapes. No logic here."""

from hubbub.swarm.install import install
from shapes import SHAPES
from users import Chatter, Lurker, Roamer, SlowReader

__all__ = ["Chatter", "Lurker", "Roamer", "SlowReader"]

install(SHAPES)
