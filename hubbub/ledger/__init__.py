"""What became of every message at every connection. Pure: no socket, gevent, Locust, wall clock or randomness.

A worker has one `Ledger`. Each WebSocket connection has a `Link` that is fed every text frame; `Counts` and `Timings`
are the result. What every word means is written in docs/accounting.md.
"""

from hubbub.ledger.conversation import Conversation, Seat
from hubbub.ledger.counts import Counts
from hubbub.ledger.findings import Finding, Findings
from hubbub.ledger.ledger import Ledger
from hubbub.ledger.link import Link
from hubbub.ledger.message import Message, Sender, Timings
from hubbub.ledger.tag import TAG_WIDTH, Tag, decode_tag, encode_tag

__all__ = [
    "TAG_WIDTH",
    "Conversation",
    "Counts",
    "Finding",
    "Findings",
    "Ledger",
    "Link",
    "Message",
    "Seat",
    "Sender",
    "Tag",
    "Timings",
    "decode_tag",
    "encode_tag",
]
