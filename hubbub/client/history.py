"""Reads histories over HTTP after the drain: were unseen messages stored, and was everything stored that was seen?

Uses the requests library: the second opinion owes nothing to the client of the hot path.
"""

from __future__ import annotations

from collections import Counter

from hubbub.client.context import WorkerContext
from hubbub.clock import US_PER_SECOND
from hubbub.contracts import HttpRequest, Identity
from hubbub.errors import HubbubError, described
from hubbub.ledger import Conversation, Message
from hubbub.ledger.history import History, compare, stored_keys

PAGE = 100
MAX_MESSAGES = 1_000_000
BUDGET_S = 30.0
"""For all histories of a worker together: the end of a run waits for them."""

SAMPLE, SAMPLE_MESSAGES = 3, 10_000
"""How many conversations of a worker are compared with their history when not all are, and how long they may be."""


def choose(context: WorkerContext, how_many: str) -> None:
    """Remember what is seen in the conversations that will be compared: `all`, a `sample`, or `none` of them."""
    conversations = sorted(context.ledger.conversations)
    chosen = {"all": conversations, "sample": conversations[:SAMPLE], "none": []}[how_many]
    for index in chosen:
        context.ledger.conversations[index].remember_seen()


def read_back(context: WorkerContext, request: HttpRequest, how_many: str) -> tuple[History, str]:
    """Read the histories of all conversations with an unseen message, and of those that were chosen.

    Unseen messages that are stored are confirmed in the ledger. Returns the comparison, and why it is not whole, or "".
    """
    ledger = context.ledger
    unseen: dict[int, list[Message]] = {}
    for message in ledger.unseen():
        unseen.setdefault(message.conversation, []).append(message)
    found, problem = History(), ""
    ends_us = context.now_us() + round(BUDGET_S * US_PER_SECOND)
    for index, conversation in ledger.conversations.items():
        if how_many == "sample" and conversation.seen is not None and len(conversation.seen) > SAMPLE_MESSAGES:
            conversation.seen = None
        if index not in unseen and conversation.seen is None:
            continue
        try:
            stored = _stored(context, request, conversation, ends_us)
        except Exception as error:  # a history that cannot be read, whatever the reason, is a doubt
            problem = problem or described(error)
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


def _stored(
    context: WorkerContext, request: HttpRequest, conversation: Conversation, ends_us: int
) -> Counter[int] | None:
    """The run's messages in a conversation's history; None where it has none, or no account can read it."""
    identity = context.identity_of(conversation.members)
    if identity is None or context.contract.history(identity, conversation.id, PAGE, 0) is None:
        return None
    return stored_keys(_messages(context, request, identity, conversation.id, ends_us).values(), context.ledger.run)


def _messages(
    context: WorkerContext, request: HttpRequest, identity: Identity, conversation_id: int, ends_us: int
) -> dict[int, str]:
    """The contents of a history by the backend's id, newest first.

    By id, because a message that is stored meanwhile moves others from one page to the next. A backend may give fewer
    at once than it was asked for.
    """
    contents: dict[int, str] = {}
    offset = 0
    while context.now_us() < ends_us:
        call = context.contract.history(identity, conversation_id, PAGE, offset)
        assert call is not None
        page = call.ask(request, context.contract.history_messages)
        if not page:
            return contents
        contents.update(page)
        offset += len(page)
        if offset > MAX_MESSAGES:
            raise HubbubError(f"the history of conversation {conversation_id} is longer than {MAX_MESSAGES} messages")
    raise HubbubError(f"reading took longer than {BUDGET_S:g} s; {len(contents)} messages were read")
