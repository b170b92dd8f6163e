"""What the backend keeps: accounts, conversations, memberships and messages, in SQLite."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY, username TEXT UNIQUE NOT NULL, email TEXT UNIQUE NOT NULL, password BLOB NOT NULL,
    is_banned INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS conversations (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, is_group INTEGER NOT NULL, created_by INTEGER NOT NULL,
    created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS members (
    conversation_id INTEGER NOT NULL, user_id INTEGER NOT NULL, last_read_at TEXT,
    PRIMARY KEY (conversation_id, user_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, conversation_id INTEGER NOT NULL, sender_id INTEGER NOT NULL, content TEXT NOT NULL,
    message_type TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of ON messages (conversation_id, id);
"""


def now() -> str:
    """The present as the API writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Duplicate(Exception):
    """A user with this e-mail or name exists."""


class Store:
    """The database. `path` is a file, which survives a restart, or `:memory:`.

    A commit per message without waiting for the disk: what was accepted survives the end of the process, however it
    ends, but not a power cut.
    """

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def _one(self, sql: str, *values: Any) -> dict[str, Any] | None:
        row = self._db.execute(sql, values).fetchone()
        return dict(row) if row else None

    def _all(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self._db.execute(sql, values)]

    def add_user(self, username: str, email: str, password: bytes) -> dict[str, Any]:
        """A new user. Raises Duplicate."""
        created_at = now()
        try:
            cursor = self._db.execute(
                "INSERT INTO users (username, email, password, created_at) VALUES (?, ?, ?, ?)",
                (username, email, password, created_at),
            )
        except sqlite3.IntegrityError as error:
            raise Duplicate(str(error)) from error
        return {"id": cursor.lastrowid, "username": username, "email": email, "created_at": created_at}

    def user_by_email(self, email: str) -> dict[str, Any] | None:
        return self._one("SELECT * FROM users WHERE email = ?", email)

    def user(self, user_id: int) -> dict[str, Any] | None:
        return self._one("SELECT * FROM users WHERE id = ?", user_id)

    def add_conversation(self, name: str, is_group: bool, creator: int, members: list[int]) -> dict[str, Any]:
        """A new conversation, with its creator and `members` in it; unknown members are left out."""
        created_at = now()
        cursor = self._db.execute(
            "INSERT INTO conversations (name, is_group, created_by, created_at) VALUES (?, ?, ?, ?)",
            (name, is_group, creator, created_at),
        )
        conversation_id = cursor.lastrowid or 0
        for user_id in {creator, *members}:
            if self.user(user_id):
                self.add_member(conversation_id, user_id)
        found = self.conversation(conversation_id)
        assert found is not None
        return found

    def conversation(self, conversation_id: int) -> dict[str, Any] | None:
        found = self._one("SELECT * FROM conversations WHERE id = ?", conversation_id)
        if found:
            found["is_group"] = bool(found["is_group"])
        return found

    def conversations(self, user_id: int, only_joined: bool) -> list[dict[str, Any]]:
        """Groups (or only those that the user is in), with participants."""
        rows = self._all("SELECT * FROM conversations WHERE is_group = 1 ORDER BY id")
        found = []
        for row in rows:
            row["is_group"] = True
            row["participants"] = self.participants(row["id"])
            row["is_joined"] = any(person["id"] == user_id for person in row["participants"])
            if row["is_joined"] or not only_joined:
                found.append(row)
        return found

    def participants(self, conversation_id: int) -> list[dict[str, Any]]:
        return self._all(
            "SELECT users.id, username FROM members JOIN users ON users.id = user_id WHERE conversation_id = ?",
            conversation_id,
        )

    def add_member(self, conversation_id: int, user_id: int) -> bool:
        """Make a user a member; False when it was one."""
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO members (conversation_id, user_id) VALUES (?, ?)", (conversation_id, user_id)
        )
        return cursor.rowcount > 0

    def remove_member(self, conversation_id: int, user_id: int) -> None:
        self._db.execute("DELETE FROM members WHERE conversation_id = ? AND user_id = ?", (conversation_id, user_id))

    def is_member(self, conversation_id: int, user_id: int) -> bool:
        sql = "SELECT 1 FROM members WHERE conversation_id = ? AND user_id = ?"
        return self._db.execute(sql, (conversation_id, user_id)).fetchone() is not None

    def mark_read(self, conversation_id: int, user_id: int) -> None:
        sql = "UPDATE members SET last_read_at = ? WHERE conversation_id = ? AND user_id = ?"
        self._db.execute(sql, (now(), conversation_id, user_id))

    def add_message(self, conversation_id: int, sender_id: int, content: str, message_type: str) -> dict[str, Any]:
        message = self.unstored_message(conversation_id, sender_id, content, message_type)
        cursor = self._db.execute(
            "INSERT INTO messages (conversation_id, sender_id, content, message_type, created_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (conversation_id, sender_id, content, message_type, message["created_at"]),
        )
        return message | {"id": cursor.lastrowid}

    def unstored_message(self, conversation_id: int, sender_id: int, content: str, message_type: str) -> dict[str, Any]:
        """What add_message returns, for a message that is not kept."""
        return {
            "id": 0,
            "conversation_id": conversation_id,
            "sender_id": sender_id,
            "content": content,
            "message_type": message_type,
            "created_at": now(),
        }

    def messages(self, conversation_id: int, limit: int, offset: int) -> list[dict[str, Any]]:
        """Stored messages, newest first."""
        return self._all(
            "SELECT * FROM messages WHERE conversation_id = ? ORDER BY id DESC LIMIT ? OFFSET ?",
            conversation_id,
            limit,
            offset,
        )
