"""The outcome of every message at every connection. Pure: no socket, gevent, Locust, wall clock or randomness.

A worker has one `Ledger`. Each WebSocket connection has a `Receiver` that is fed every text frame; `Counts` and
`Timings` are the result. What every word means is written in docs/accounting.md.
"""

from hubbub.ledger.connection import Connection
from hubbub.ledger.conversation import Conversation
from hubbub.ledger.counts import Counts
from hubbub.ledger.findings import Finding, Findings
from hubbub.ledger.ledger import Ledger
from hubbub.ledger.message import Message, Producer, Timings
from hubbub.ledger.receiver import Receiver
from hubbub.ledger.subscription import Subscription
from hubbub.ledger.tag import TAG_WIDTH, Tag, decode_tag, encode_tag

__all__ = [
    "TAG_WIDTH",
    "Connection",
    "Conversation",
    "Counts",
    "Finding",
    "Findings",
    "Ledger",
    "Message",
    "Producer",
    "Receiver",
    "Subscription",
    "Tag",
    "Timings",
    "decode_tag",
    "encode_tag",
]
