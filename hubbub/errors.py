"""Every error that Hubbub raises on purpose.

    HubbubError
    |-- ConfigError       what the user asked for cannot be run: exit code 2, nothing was started
    |-- RunError          the run could not be made: exit code 2, what was measured is kept
    |-- ContractError     the backend answered in a way its contract does not allow
    |   `-- CallFailed    an HTTP call was answered with a status or body that is not accepted
    |       `-- Throttled the backend limits how often it may be called
    |-- TransportError    the network or the peer failed
    |   |-- ConnectError  a connection was never established
    |   |   `-- TlsError  its TLS handshake failed
    |   `-- ConnectionClosed    a connection that was established is gone
    `-- PhaseFailed       one phase of a user's life failed: counted, and tried again with back-off

The text of each says what was expected, what came, and what to do.
"""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

OWN_ERRNOS = frozenset(
    {errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENETUNREACH}
)
"""What the kernel says when the generator's own machine has run out of ports, files, memory or routes."""


class HubbubError(Exception):
    """Base of every error below."""


class ConfigError(HubbubError):
    """An option or a configuration file is wrong. Print the sentence and exit with 2."""


class RunError(HubbubError):
    """The run could not be made, though its options are fine. Print the sentence and exit with 2."""


class NoAccount(RunError):
    """There is no account left for a client."""


class ContractError(HubbubError):
    """The backend's answer does not fit its contract."""


class CallFailed(ContractError):
    """An HTTP call did not succeed. `status` is the HTTP status, `reason` a short class, `detail` what was said."""

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.status = status
        self.reason = reason
        self.detail = detail


HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_TOO_MANY = 401, 403, 429


class Throttled(CallFailed):
    """A call came too soon for the backend's limits. `retry_after_s` is what it asks for; None if unsaid."""

    def __init__(self, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(HTTP_TOO_MANY, f"HTTP {HTTP_TOO_MANY}", detail)
        self.retry_after_s = retry_after_s


class TransportError(HubbubError):
    """The network or the peer failed."""


class ConnectError(TransportError):
    """A WebSocket or HTTP connection could not be established.

    `status` is the HTTP status the server answered the upgrade with, or None when none came. `is_ours`: the generator
    or its machine is the cause, not the backend.
    """

    def __init__(self, text: str, status: int | None = None, is_ours: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.is_ours = is_ours

    @classmethod
    def of(cls, error: OSError) -> ConnectError:
        """A class of failure without addresses: the errno's name where there is one."""
        return cls(name_of(error), is_ours=is_own_error(error))


class TlsError(ConnectError):
    """The TLS handshake of a connection failed: the text says why, and what to do."""


class ConnectionClosed(TransportError):
    """The connection was established once and is closed now. `is_ours`: an error of our own ended it."""

    def __init__(self, text: str, is_ours: bool = False) -> None:
        super().__init__(text)
        self.is_ours = is_ours


def is_own_error(error: BaseException) -> bool:
    """Whether the generator's own machine is the cause of an error of the network."""
    return isinstance(error, OSError) and error.errno in OWN_ERRNOS


def name_of(error: BaseException) -> str:
    """A short class of failure: `ConnectionRefusedError`, or the errno's name where Python has no class for it."""
    if type(error) is OSError and error.errno:
        known = type(OSError(error.errno, ""))
        return known.__name__ if known is not OSError else errno.errorcode.get(error.errno, "OSError")
    return type(error).__name__


def described(error: BaseException) -> str:
    """An exception in one sentence: ours is one already; of others, which nobody planned, where they were raised."""
    if isinstance(error, HubbubError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({name_of(error)})"
    innermost = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({Path(innermost[0].filename).name}, line {innermost[0].lineno})" if innermost else ""
    return f"{type(error).__name__}: {error}{where}"


class PhaseFailed(HubbubError):
    """One phase of a user's life failed. `phase` is the phase's name, `reason` a short class of failure.

    `is_ours`: the generator or its machine may be the cause.
    """

    def __init__(self, phase: str, reason: str, is_ours: bool = False) -> None:
        super().__init__(f"{phase}: {reason}")
        self.phase = phase
        self.reason = reason
        self.is_ours = is_ours
