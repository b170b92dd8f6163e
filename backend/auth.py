"""Passwords, tokens and tickets."""

from __future__ import annotations

import re
import secrets
import time

import bcrypt
from itsdangerous import BadSignature, URLSafeTimedSerializer

USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{1,28})[A-Za-z0-9]")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
TOKEN_LIFE_S = 24 * 3600
TICKET_LIFE_S = 60
BCRYPT_LIMIT = 72
"""bcrypt looks at the first 72 bytes of a password."""


def signup_problem(username: str, email: str, password: str) -> str:
    """What is wrong with a sign-up, in a few words; empty when nothing is."""
    if not USERNAME.fullmatch(username):
        return "username must be 3 to 30 characters of letters, digits, _ and -, not at the ends"
    if not EMAIL.fullmatch(email):
        return "email is invalid"
    kinds = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]")
    if not 12 <= len(password) <= 128 or not all(re.search(kind, password) for kind in kinds):
        return "password must be 12 to 128 characters with upper and lower case, a digit and a sign"
    return ""


def hash_password(password: str, cost: int) -> bytes:
    return bcrypt.hashpw(password.encode()[:BCRYPT_LIMIT], bcrypt.gensalt(cost))


def password_fits(password: str, hashed: bytes) -> bool:
    return bcrypt.checkpw(password.encode()[:BCRYPT_LIMIT], hashed)


class Tokens:
    """Signed tokens that name a user."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret)

    def make(self, user_id: int, purpose: str = "access") -> str:
        return self._signer.dumps([purpose, user_id])

    def read(self, token: str, purpose: str = "access") -> int | None:
        """The user's id; None for a token that is forged, expired or for another purpose."""
        try:
            found, user_id = self._signer.loads(token, max_age=TOKEN_LIFE_S)
        except (BadSignature, ValueError, TypeError):
            return None
        return int(user_id) if found == purpose else None


class Tickets:
    """Single-use permits for the WebSocket."""

    def __init__(self) -> None:
        self._tickets: dict[str, tuple[int, float]] = {}

    def issue(self, user_id: int) -> str:
        present = time.monotonic()
        while self._tickets and next(iter(self._tickets.values()))[1] < present:
            del self._tickets[next(iter(self._tickets))]
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = (user_id, present + TICKET_LIFE_S)
        return ticket

    def consume(self, ticket: str) -> int | None:
        """The user it was issued to, once; None afterwards, or when it is too old."""
        user_id, until = self._tickets.pop(ticket, (None, 0.0))
        return user_id if until >= time.monotonic() else None
