"""Where the backend behaves like the real one that the contract describes, which is less kind than this one.

`--faithful` switches everything of `FAITHFUL` on, `--like NAME` one thing at a time.

- first-frames: `connected_users` (without oneself; left out when nobody else is online) before `connected`, both with
  `conversation_id` 0, and the messages of the account's conversations before both
- joined-payload: `joined` has a payload with the `conversation_id`
- welcome-bot: the bot greets at the first HTTP join of an account, between two `chatroom_presence`, and not at a join
  over the WebSocket
- presence: none for a WebSocket join or leave; full user records; `user_status` not to oneself, `offline` seconds late
- silence: no answer to a non-member's message, malformed JSON, an unknown type or empty content
- byte-limits: the limit of a message counts bytes
- typing-null: `typing` has no payload
- cached-history: one page of 50, ascending, cached for two minutes for everyone; limit and offset have no effect,
  and an account that has become a member since is refused
- abrupt-limit: a connection too many is told, and its TCP connection ended without a close frame
- abrupt-stop: the process ends without `server_shutdown` and close frames
- sorted-payload: the keys of a message's payload are in alphabetical order
- error-bodies: HTTP errors have `error`, `code` and `request_id`
- sticky-subscription: leaving a conversation over HTTP ends the membership, and the subscription stays
- one-queue: one queue fans out for all conversations
- room-message: an older version: messages are delivered as `room_message`
- no-delivery: the newest version: messages are stored, and reach nobody
- blind-grace: `offline` is told seconds after the last connection of an account, whether it has come back or not
"""

from __future__ import annotations

from collections.abc import Iterable

FAITHFUL = frozenset(
    {
        *("first-frames", "joined-payload", "welcome-bot", "presence", "silence", "byte-limits", "typing-null"),
        *("cached-history", "abrupt-limit", "abrupt-stop", "sorted-payload", "error-bodies", "sticky-subscription"),
        "one-queue",
    }
)
VERSIONS = frozenset({"room-message", "no-delivery", "blind-grace"})

OFFLINE_AFTER_S = 5.0
HISTORY_PAGE = 50
HISTORY_CACHE_S = 120.0


def likeness(is_faithful: bool, names: Iterable[str]) -> frozenset[str]:
    """What is switched on. Raises ValueError with a sentence for a name that there is not."""
    wanted = {name.strip() for text in names for name in text.split(",")}
    unknown = sorted(wanted - FAITHFUL - VERSIONS)
    if unknown:
        raise ValueError(f"there is no likeness {unknown[0]!r}; there are {', '.join(sorted(FAITHFUL | VERSIONS))}")
    return frozenset(wanted | (FAITHFUL if is_faithful else set()))
