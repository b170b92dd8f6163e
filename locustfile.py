"""What Locust loads: binds the kinds of users and the load shapes. No logic here."""

from hubbub import install
from shapes import all_shapes
from users import all_users

globals().update(all_users())
install(all_shapes())
