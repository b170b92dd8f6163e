"""Whether the generator itself was healthy: only in a clean second can its figures be believed.

`judge` says what makes a second unclean, and is pure; `sampler` reads the machine. Knows nothing of ledgers or Locust.
"""

from hubbub.health.judge import Health, Second, causes_of
from hubbub.health.sampler import Sampler

__all__ = ["Health", "Sampler", "Second", "causes_of"]
