"""A locustfile of one's own, with a load shape that no file of shapes/ has.

From the folder that holds users/: `python -m locust -f examples/locustfile.py --headless -u 12 -t 10s --shape twice`.
"""

from hubbub import Curve, install, join_stages
from users import all_users


def twice(peak: int, duration_us: int) -> Curve:
    """Half of the clients for half of the time, then all of them."""
    return join_stages("twice", duration_us, [(0.5, 0.5, 0.5), (1, 1, 1)], peak)


globals().update(all_users())
install({"twice": twice})
