"""Reading back, over HTTP and after the drain: what became of messages that nobody saw, and what was stored at all.

Uses the requests library: the second opinion owes nothing to the client of the hot path.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hubbub.accounts import Request, perform
from hubbub.contracts import Identity
from hubbub.errors import HubbubError
from hubbub.ledger import Conversation, Message
from hubbub.ledger.history import History, compare, stored_keys
from hubbub.session import Equipment

PAGE = 100
MOST_MESSAGES = 1_000_000
SAMPLE, SAMPLE_MESSAGES = 3, 10_000
"""How many conversations of a worker are compared with their history when not all are, and how long they may be."""


def choose(equipment: Equipment, how_many: str) -> None:
    """Remember what is seen in the conversations that will be compared: `all`, a `sample`, or `none` of them."""
    conversations = sorted(equipment.ledger.conversations)
    chosen = {"all": conversations, "sample": conversations[:SAMPLE], "none": []}[how_many]
    for index in chosen:
        equipment.ledger.conversations[index].remember_seen()


def read_back(equipment: Equipment, request: Request, how_many: str) -> History:
    """Read the histories of all conversations with a message that nobody saw, and of those that were chosen.

    Unseen messages that are stored are confirmed in the ledger. Raises HubbubError when a history cannot be read.
    """
    ledger = equipment.ledger
    unseen: dict[int, list[Message]] = {}
    for message in ledger.unseen():
        unseen.setdefault(message.conversation.index, []).append(message)
    found = History()
    for index, conversation in ledger.conversations.items():
        if how_many == "sample" and conversation.seen is not None and len(conversation.seen) > SAMPLE_MESSAGES:
            conversation.seen = None
        if index not in unseen and conversation.seen is None:
            continue
        stored = _stored(equipment, request, conversation)
        if stored is None:
            continue
        if conversation.seen is not None:
            found.add(compare(conversation.seen, stored))
        for message in unseen.get(index, []):
            if message.key in stored:
                ledger.found_in_history(message)
    return found


def _stored(equipment: Equipment, request: Request, conversation: Conversation) -> Counter[int] | None:
    """The run's messages in a conversation's history; None where the backend has none or nobody may read it."""
    identity = next(
        (equipment.identities[account] for account in conversation.members if account in equipment.identities), None
    )
    if identity is None or equipment.contract.history(identity, conversation.id, PAGE, 0) is None:
        return None
    stored: Counter[int] = Counter()
    for contents in _pages(equipment, request, identity, conversation.id):
        stored += stored_keys(contents, equipment.ledger.run)
    return stored


def _pages(equipment: Equipment, request: Request, identity: Identity, conversation_id: int) -> Iterator[list[str]]:
    """The contents of a history, newest first. A backend may give fewer at once than it was asked for."""
    offset = 0
    while True:
        call = equipment.contract.history(identity, conversation_id, PAGE, offset)
        assert call is not None
        contents = equipment.contract.history_contents(perform(request, call))
        if not contents:
            return
        yield contents
        offset += len(contents)
        if offset > MOST_MESSAGES:
            raise HubbubError(f"the history of conversation {conversation_id} is longer than {MOST_MESSAGES} messages")
