"""Reading back: what became of messages that nobody saw."""

from __future__ import annotations

from hubbub.accounts import perform
from hubbub.contracts import Identity
from hubbub.errors import HubbubError
from hubbub.ledger import Message, decode_tag
from hubbub.session import Equipment

PAGE = 100
MOST_PAGES = 1_000


def read_back(equipment: Equipment) -> None:
    """Look for every unseen message of the ledger in its conversation's history; those that are there are confirmed.

    Raises HubbubError when a history cannot be read.
    """
    by_conversation: dict[int, dict[int, Message]] = {}
    for message in equipment.ledger.unseen():
        by_conversation.setdefault(message.conversation.index, {})[message.key] = message
    for index, wanted in by_conversation.items():
        members = equipment.ledger.conversations[index].members
        identity = next((equipment.identities[account] for account in members if account in equipment.identities), None)
        if identity is not None:
            _read_conversation(equipment, identity, equipment.conversation_ids[index], wanted)


def _read_conversation(
    equipment: Equipment, identity: Identity, conversation_id: int, wanted: dict[int, Message]
) -> None:
    for page in range(MOST_PAGES):
        call = equipment.contract.history(identity, conversation_id, PAGE, page * PAGE)
        if call is None:
            return
        contents = equipment.contract.history_contents(perform(equipment.http.request, call))
        for content in contents:
            tag = decode_tag(content)
            message = wanted.pop(tag.key, None) if tag is not None and tag.run == equipment.ledger.run else None
            if message is not None:
                equipment.ledger.found_in_history(message, equipment.clock())
        if not wanted or not contents:
            return
    raise HubbubError(f"the history of conversation {conversation_id} is longer than {MOST_PAGES * PAGE} messages")
