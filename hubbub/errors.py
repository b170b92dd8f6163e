"""Every error that Hubbub raises on purpose.

    HubbubError
    |-- ConfigError       what the user asked for cannot be run: exit code 2, nothing was started
    |-- RunError          the run could not be made: exit code 2, what was measured is kept
    |-- ContractError     the backend answered in a way its contract does not allow
    |   `-- CallFailed    an HTTP call was answered with a status or body that is not accepted
    |-- TransportError    the network or the peer failed
    |   |-- ConnectError  a connection was never established
    |   `-- LinkClosed    a connection that was established is gone
    `-- PhaseFailed       one phase of a user's life failed: counted, and tried again with back-off

The text of each says what was expected, what came, and what to do.
"""

from __future__ import annotations


class HubbubError(Exception):
    """Base of every error below."""


class ConfigError(HubbubError):
    """An option or a configuration file is wrong. Print the sentence and exit with 2."""


class RunError(HubbubError):
    """The run could not be made, though its options are fine. Print the sentence and exit with 2."""


class ContractError(HubbubError):
    """The backend's answer does not fit its contract."""


class CallFailed(ContractError):
    """An HTTP call did not succeed. `status` is the HTTP status, `reason` a short class, `detail` what was said."""

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.status = status
        self.reason = reason
        self.detail = detail


class TransportError(HubbubError):
    """The network or the peer failed."""


class ConnectError(TransportError):
    """A WebSocket or HTTP connection could not be established.

    `status` is the HTTP status the server answered the upgrade with, or None when none came.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class LinkClosed(TransportError):
    """The connection was established once and is closed now."""


class PhaseFailed(HubbubError):
    """One phase of a user's life failed. `phase` is the phase's name, `reason` a short class of failure."""

    def __init__(self, phase: str, reason: str) -> None:
        super().__init__(f"{phase}: {reason}")
        self.phase = phase
        self.reason = reason
