"""Reading back, over HTTP and after the drain: what became of messages that nobody saw, and what was stored at all.

Uses the requests library: the second opinion owes nothing to the client of the hot path.
"""

from __future__ import annotations

from collections import Counter

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


def read_back(equipment: Equipment, request: Request, how_many: str) -> tuple[History, str]:
    """Read the histories of all conversations with a message that nobody saw, and of those that were chosen.

    Unseen messages that are stored are confirmed in the ledger. Returns the comparison, and why it is not whole, or "".
    """
    ledger = equipment.ledger
    unseen: dict[int, list[Message]] = {}
    for message in ledger.unseen():
        unseen.setdefault(message.conversation.index, []).append(message)
    found, problem = History(), ""
    for index, conversation in ledger.conversations.items():
        if how_many == "sample" and conversation.seen is not None and len(conversation.seen) > SAMPLE_MESSAGES:
            conversation.seen = None
        if index not in unseen and conversation.seen is None:
            continue
        try:
            stored = _stored(equipment, request, conversation)
        except HubbubError as error:
            problem = problem or str(error)
            continue
        if stored is None:
            problem = problem or ("there is none that can be read" if how_many == "all" else "")
            continue
        conversation.is_read_back = True
        if conversation.seen is not None:
            found.add(compare(conversation.seen, stored))
        for message in unseen.get(index, []):
            if message.key in stored and not message.is_seen:
                ledger.found_in_history(message)
    return found, problem


def _stored(equipment: Equipment, request: Request, conversation: Conversation) -> Counter[int] | None:
    """The run's messages in a conversation's history; None where the backend has none or nobody may read it."""
    identity = next(
        (equipment.identities[account] for account in conversation.members if account in equipment.identities), None
    )
    if identity is None or equipment.contract.history(identity, conversation.id, PAGE, 0) is None:
        return None
    return stored_keys(_messages(equipment, request, identity, conversation.id).values(), equipment.ledger.run)


def _messages(equipment: Equipment, request: Request, identity: Identity, conversation_id: int) -> dict[int, str]:
    """The contents of a history by the backend's id, newest first.

    By id, because a message that is stored meanwhile moves others from one page to the next. A backend may give fewer
    at once than it was asked for.
    """
    contents: dict[int, str] = {}
    offset = 0
    while True:
        call = equipment.contract.history(identity, conversation_id, PAGE, offset)
        assert call is not None
        page = equipment.contract.history_messages(perform(request, call))
        if not page:
            return contents
        contents.update(page)
        offset += len(page)
        if offset > MOST_MESSAGES:
            raise HubbubError(f"the history of conversation {conversation_id} is longer than {MOST_MESSAGES} messages")
