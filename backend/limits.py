"""The backend's rate limits, which can be switched on."""

from __future__ import annotations

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

RULES = {
    "message": parse("15/minute"),
    "typing": parse("10/10 seconds"),
    "login": parse("10/5 minutes"),
    "signup": parse("3/10 minutes"),
    "request": parse("100/minute"),
}


class RateLimits:
    """Counts what accounts and addresses do; everything is allowed while the limits are off."""

    def __init__(self, is_on: bool) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage()) if is_on else None

    def allows(self, rule: str, who: object) -> bool:
        """Whether `who` may do this once more; counts it if so."""
        item: RateLimitItem = RULES[rule]
        return self._limiter is None or self._limiter.hit(item, rule, str(who))
