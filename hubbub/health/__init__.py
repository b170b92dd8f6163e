"""How the generator itself fared: the diagnosis that explains figures, and decides nothing.

`judge` says what makes a second unclean, and is pure; `sampler` reads the machine, `loop` the event loop,
`backend_wait` a backend on the same machine. Knows nothing of ledgers or Locust.
"""

from hubbub.health.backend_wait import BackendWait, run_queue_waits
from hubbub.health.judge import Health, Second, causes_of
from hubbub.health.lateness import Lateness
from hubbub.health.loop import LoopWatch
from hubbub.health.sampler import Machine, Sampler

__all__ = [
    "BackendWait",
    "Health",
    "Lateness",
    "LoopWatch",
    "Machine",
    "Sampler",
    "Second",
    "causes_of",
    "run_queue_waits",
]
