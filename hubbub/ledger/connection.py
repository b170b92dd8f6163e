"""What is known of one connection; explains what was sent, received and lost on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Connection:
    """`id` names it in tags and findings, `account` is the account's index.

    `note` says what is known that explains an anomaly; `explain` adds to it. `is_timed` says whether the times of what
    arrives here count. `doubted_us` is the last time at which the generator itself may have caused a loss.
    """

    id: int
    account: int
    note: str = ""
    is_timed: bool = True
    doubted_us: int = -1

    def explain(self, why: str) -> None:
        """Something is known that explains losses, such as that the backend dropped messages."""
        if why not in self.note:
            self.note = f"{self.note}; {why}" if self.note else why

    def doubt(self, why: str, now_us: int) -> None:
        """The generator itself may have caused losses here until now: those of messages sent before are not proven."""
        self.explain(why)
        self.doubted_us = now_us
