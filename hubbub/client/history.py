"""Reads histories over HTTP after the drain: were unseen messages stored, and was everything stored that was seen?

A history is evidence only where it was read. A message is not stored if a whole reading lacks it, and so does a second
one; what a reading that was not whole lacks is unknown, and no evidence. A backend may repeat a page from a cache,
give fewer messages at once than it was asked for, and have them in any order.

Uses the requests library: the second opinion owes nothing to the client of the hot path.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

from hubbub.client.context import WorkerContext
from hubbub.client.patience import Patience
from hubbub.client.tokens import with_token
from hubbub.clock import US_PER_SECOND
from hubbub.contracts import HttpRequest, Id, Identity, perform
from hubbub.errors import HTTP_FORBIDDEN, CallFailed, Throttled, described
from hubbub.ledger import Conversation, Message
from hubbub.ledger.history import History, compare, stored_keys

PAGE = 100
BUDGET_S = 30.0
"""For all histories of a worker together: the end of a run waits for them."""

SPARE_REQUESTS = 10
"""For one reading of a conversation, beyond those that the run's own messages need."""

MAX_WAITS = 5
"""For the limits of a backend, for each page."""

MAX_READERS = 3
"""Accounts that try to read one history: a backend may not know of a membership that is new."""

PROGRESS_US = 2 * US_PER_SECOND

SAMPLE, SAMPLE_MESSAGES = 3, 10_000
"""How many conversations of a worker are compared with their history when not all are, and how long they may be."""

REPEATS = "the backend repeats its pages"
CACHED = "it is empty, and the backend may have answered from a cache"
NO_READER = "there is none that can be read"
STOPPED = "reading it was stopped"


def choose(context: WorkerContext, how_many: str) -> None:
    """Remember what is seen in the conversations that will be compared: `all`, a `sample`, or `none` of them."""
    conversations = sorted(context.ledger.conversations)
    chosen = {"all": conversations, "sample": conversations[:SAMPLE], "none": []}[how_many]
    for index in chosen:
        context.ledger.conversations[index].remember_seen(SAMPLE_MESSAGES if how_many == "sample" else None)


def read_newest(context: WorkerContext, account: int, conversation: int, limit: int) -> None:
    """Read a conversation's newest messages, as a person who comes in does, and time it. Raises HubbubError."""

    def read(identity: Identity) -> bool:
        script = context.contract.history(identity, context.conversation_ids[conversation], limit, 0)
        if script is not None:
            perform(script, context.http)
        return script is not None

    started_us = context.now_us()
    context.histories_read_us[conversation] = started_us
    if with_token(context, account, read):
        ended_us = context.now_us()
        context.phase_stats.phase("history", ended_us - started_us, context.lateness.low_us(started_us, ended_us))


@dataclass
class Reading:
    """The contents of one reading by the backend's id. `problem` says why it is not whole; it may be empty.

    `is_forbidden`: the backend does not show them to this account.
    """

    contents: dict[Id, str] = field(default_factory=dict)
    problem: str = ""
    is_forbidden: bool = False


class ReadBack:
    """Reads the histories of all conversations with an unseen message, and of those that were chosen.

    Unseen messages that are stored are confirmed in the ledger. `run` may be ended at any time; then `close` it, and
    `history` and `problem` have what was read, and why that is not all, or "". `progress` is told of slow readings.
    """

    def __init__(
        self, context: WorkerContext, request: HttpRequest, how_many: str, progress: Callable[[str], object]
    ) -> None:
        self.history = History()
        self.problem = ""
        self._context = context
        self._request = request
        self._is_all = how_many == "all"
        self._progress = progress
        self._told_us = context.now_us()
        self._unseen: dict[int, list[Message]] = {}
        ledger = context.ledger
        self.history.too_long = sum(conversation.is_too_long for conversation in ledger.conversations.values())
        for message in ledger.unseen() if how_many != "none" else []:
            self._unseen.setdefault(message.conversation, []).append(message)
        self._left = [
            conversation
            for index, conversation in ledger.conversations.items()
            if index in self._unseen or conversation.seen is not None
        ]

    def run(self) -> None:
        """Read one history after another."""
        while self._left:
            conversation = self._left[0]
            try:
                found = self._look_up(conversation)
            except Exception as error:  # a history that cannot be read, whatever the reason, is a doubt
                found = Counter(), described(error)
            del self._left[0]
            if found is None:
                self._miss(conversation, NO_READER if self._is_all else "")
            else:
                self._take(conversation, *found)

    def _look_up(self, conversation: Conversation) -> tuple[Counter[int], str] | None:
        """The run's messages in a history, and why they are not all; None where there is none to be read."""
        now_us = self._context.now_us()
        members = sorted(account for account in conversation.members if conversation.has_member(account, now_us))
        reading = None
        for account in self._context.logged_in(members)[:MAX_READERS]:
            if self._context.contract.history(Identity("", 0), conversation.id, PAGE, 0) is None:
                return None
            reading = self._read(account, conversation)
            if not reading.is_forbidden:
                break
        if reading is None:
            return None
        stored = self._stored(reading)
        if not reading.problem and self._wanted(conversation) - stored.keys():
            reading = self._read(account, conversation)
            stored |= self._stored(reading)
        return stored, reading.problem

    def close(self, why: str = STOPPED) -> None:
        """No more is read: what was not read until now is unknown."""
        while self._left:
            self._miss(self._left.pop(0), why)

    def _wanted(self, conversation: Conversation) -> set[int]:
        unseen = {message.key for message in self._unseen.get(conversation.index, [])}
        return unseen.union(conversation.seen or ())

    def _stored(self, reading: Reading) -> Counter[int]:
        return stored_keys(reading.contents.values(), self._context.ledger.run)

    def _miss(self, conversation: Conversation, why: str) -> None:
        """A history was not read at all."""
        if not why and conversation.index not in self._unseen:
            return  # it was not asked for, and nothing depends on it
        self._take(conversation, Counter(), why or NO_READER)

    def _take(self, conversation: Conversation, stored: Counter[int], problem: str) -> None:
        """Compare a history with what was seen, and confirm what it has.

        A backend that has no more to give than one page can be sampled no further: that is no doubt where everything
        was seen.
        """
        unseen = self._unseen.get(conversation.index, [])
        missing = len(self._wanted(conversation) - stored.keys())
        found = compare(conversation.seen, [message.key for message in unseen], stored, not problem)
        found.conversations = 1 if stored or not problem else 0
        self.history.add(found)
        conversation.is_read_back = not problem
        for message in unseen:
            if message.key in stored and not message.is_seen:
                self._context.ledger.found_in_history(message)
        may_have_vanished = self._context.ledger.may_have_vanished
        is_needed = self._is_all or problem != REPEATS
        is_needed = is_needed or any(not message.is_seen and may_have_vanished(message) for message in unseen)
        if problem and is_needed and (missing or problem == NO_READER):
            read = f"{found.wanted - missing} of {found.wanted} messages of conversation {conversation.id}"
            self.problem = self.problem or f"{problem} ({read})"

    def _read(self, account: int, conversation: Conversation) -> Reading:
        """One reading, page after page, until a page is empty.

        By id, because a message that is stored meanwhile moves others from one page to the next.
        """
        reading = Reading()
        wanted = len(self._wanted(conversation))
        requests, most = 0, SPARE_REQUESTS
        while requests < most:
            try:
                page = self._page(account, conversation, len(reading.contents))
            except Exception as error:  # what was read until now counts
                reading.problem = described(error)
                reading.is_forbidden = isinstance(error, CallFailed) and error.status == HTTP_FORBIDDEN
                return reading
            if not page:
                is_doubtful = not reading.contents and wanted and self._may_be_cached(conversation)
                reading.problem = CACHED if is_doubtful else ""
                return reading
            before = len(reading.contents)
            reading.contents.update(page)
            if len(reading.contents) == before:
                reading.problem = REPEATS
                return reading
            requests += 1
            most = SPARE_REQUESTS + ceil(wanted / len(page))
            self._tell(conversation, len(reading.contents))
        reading.problem = f"it is longer than {requests} pages"
        return reading

    def _page(self, account: int, conversation: Conversation, offset: int) -> list[tuple[Id, str]]:
        contract = self._context.contract

        def read(identity: Identity) -> list[tuple[Id, str]]:
            script = contract.history(identity, conversation.id, PAGE, offset)
            assert script is not None
            return perform(script, self._request)

        patience = Patience(self._context.scheduler, 0)
        for _ in range(MAX_WAITS):
            try:
                return with_token(self._context, account, read)
            except Throttled as error:
                patience.wait(error)
        return with_token(self._context, account, read)

    def _may_be_cached(self, conversation: Conversation) -> bool:
        """Whether a client of ours has read this history so lately that the backend may still remember the answer."""
        read_us = self._context.histories_read_us.get(conversation.index)
        cache_us = self._context.contract.history_cache_s * US_PER_SECOND
        return read_us is not None and self._context.now_us() - read_us < cache_us

    def _tell(self, conversation: Conversation, messages: int) -> None:
        now_us = self._context.now_us()
        if now_us - self._told_us >= PROGRESS_US:
            self._told_us = now_us
            self._progress(
                f"reading histories back: {messages} messages of conversation {conversation.id}, "
                f"{len(self._left) - 1} conversations left"
            )
