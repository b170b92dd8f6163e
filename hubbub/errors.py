"""Every error that Hubbub raises on purpose.

    HubbubError
    |-- ConfigError       what the user asked for cannot be run: exit code 2, nothing was started
    |-- RunError          the run could not be made: exit code 2, what was measured is kept
    |-- ContractError     the backend answered in a way its contract does not allow
    |   |-- BrokenContract    the contract itself failed
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
import re
import traceback
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

OWN_ERRNOS = frozenset(
    {errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENETUNREACH}
)
"""What the kernel says when the generator's own machine has run out of ports, files, memory or routes."""

_SHORTAGES = {
    errno.EADDRNOTAVAIL: "no free port",
    errno.EMFILE: "no file left",
    errno.ENFILE: "no file left",
}
"""What those mean that people run into."""


class Owner(StrEnum):
    """Who has to mend an error. The generator's own are no evidence against a backend."""

    BACKEND = "backend"
    GENERATOR = "generator"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of error: whose it is, in which phase of a client's life, and what it was, in a few words.

    As far as it applies: `errno` by its name, the HTTP `status`, the WebSocket's `close_code`, and `closed_by`, which
    is `backend` or `generator`. Where those are not the same for all that are counted together, they are left out.
    """

    name: str
    phase: str = ""
    owner: Owner = Owner.BACKEND
    errno: str = ""
    status: int | None = None
    close_code: int | None = None
    closed_by: str = ""

    def __str__(self) -> str:
        """The class that it is counted as."""
        owner = "" if self.owner is Owner.BACKEND else f"{self.owner}: "
        return f"{owner}{self.phase}: {self.name}" if self.phase else owner + self.name

    def common_with(self, other: Failure) -> Failure:
        """What is the same of two that are counted together."""
        return replace(
            self,
            errno=self.errno if self.errno == other.errno else "",
            status=self.status if self.status == other.status else None,
            close_code=self.close_code if self.close_code == other.close_code else None,
            closed_by=self.closed_by if self.closed_by == other.closed_by else "",
        )


class HubbubError(Exception):
    """Base of every error below. `owner`: who has to mend it."""

    owner = Owner.BACKEND
    is_ours = False
    """Whether the generator or its machine is the cause, or may be."""

    @property
    def details(self) -> dict[str, Any]:
        """What a Failure tells of it besides its words."""
        return {}


class ConfigError(HubbubError):
    """An option or a configuration file is wrong. Print the sentence and exit with 2."""

    owner = Owner.CONFIGURATION


class RunError(HubbubError):
    """The run could not be made, though its options are fine. Print the sentence and exit with 2."""


class NoAccount(RunError):
    """There is no account left for a client."""


class ContractError(HubbubError):
    """The backend's answer does not fit its contract."""


class BrokenContract(ContractError):
    """The contract itself raised an exception, or made what is none of its kind."""

    owner = Owner.CONFIGURATION


_MEMBER = re.compile(r"""(?i)(["'][^"']*(?:token|password|secret|ticket|jwt|session)[^"']*["']\s*:\s*["'])[^"']+""")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")


def without_secrets(text: str) -> str:
    """A foreign text without the values of members that are called like secrets, and without JWTs."""
    return _JWT.sub("***", _MEMBER.sub(r"\1***", text))


class CallFailed(ContractError):
    """An HTTP call did not succeed. `status` is the HTTP status, `reason` a short class, `detail` what was said."""

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        detail = without_secrets(detail)
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.status = status
        self.reason = reason
        self.detail = detail

    @property
    def details(self) -> dict[str, Any]:
        return {"status": self.status}


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

    `status` is the HTTP status the server answered the upgrade with, or None when none came; `errno` the name of the
    kernel's error. `is_ours`: the generator or its machine is the cause, not the backend.
    """

    def __init__(self, text: str, status: int | None = None, is_ours: bool = False, errno: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.is_ours = is_ours
        self.errno = errno

    @classmethod
    def of(cls, error: OSError) -> ConnectError:
        """A class of failure without addresses: the errno's name where there is one."""
        return cls(name_of(error), is_ours=is_own_error(error), errno=errno_of(error))

    @property
    def details(self) -> dict[str, Any]:
        return {"status": self.status, "errno": self.errno}


class Busy(ConnectError):
    """No connection of the pool was free in time: as many calls as there are clients have no answer yet."""


class TlsError(ConnectError):
    """The TLS handshake of a connection failed: the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a connection ended: its close code (1006 when none came), in words, by whom, and the kernel's error if any.

    `is_our_fault`: an error of our own ended it, and not on purpose.
    """

    code: int
    reason: str
    closed_by: Owner = Owner.BACKEND
    errno: str = ""
    is_our_fault: bool = False

    def __str__(self) -> str:
        return self.reason

    @property
    def details(self) -> dict[str, Any]:
        """What a Failure tells of it."""
        return {"close_code": self.code, "closed_by": self.closed_by.value, "errno": self.errno}


class ConnectionClosed(TransportError):
    """The connection was established once and is closed now. `is_ours`: an error of our own ended it, or may have."""

    def __init__(self, text: str, is_ours: bool = False, closing: Closing | None = None) -> None:
        super().__init__(text)
        self.is_ours = is_ours or (closing is not None and closing.is_our_fault)
        self.closing = closing

    @property
    def details(self) -> dict[str, Any]:
        return self.closing.details if self.closing is not None else {}


def is_own_error(error: BaseException) -> bool:
    """Whether the generator's own machine is the cause of an error of the network."""
    return isinstance(error, OSError) and error.errno in OWN_ERRNOS


def errno_of(error: BaseException) -> str:
    """The name of the kernel's error, such as ECONNRESET; empty where there is none."""
    return errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else ""


def failure_of(phase: str, error: BaseException, is_ours: bool | None = None) -> Failure:
    """The kind of an error in a phase. `is_ours` comes from who knows more than the error does."""
    reason = error.reason if isinstance(error, CallFailed) else str(error)
    if not isinstance(error, HubbubError):
        return Failure(reason, phase, Owner.GENERATOR if is_ours else Owner.BACKEND, errno_of(error))
    is_own = error.is_ours if is_ours is None else is_ours
    return Failure(reason, phase, Owner.GENERATOR if is_own else error.owner, **error.details)


def name_of(error: BaseException) -> str:
    """A short class of failure: `ConnectionRefusedError`, or the errno's name where Python has no class for it."""
    if type(error) is OSError and error.errno:
        known = type(OSError(error.errno, ""))
        if known is not OSError:
            return known.__name__
        words = _SHORTAGES.get(error.errno, "")
        return errno.errorcode.get(error.errno, "OSError") + (f" ({words})" if words else "")
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
    """One phase of a user's life failed: `failure` says which, with which `reason`, and whose error it is."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.phase}: {failure.name}")
        self.failure = failure
        self.phase, self.reason = failure.phase, failure.name
        self.is_ours = failure.owner is Owner.GENERATOR
        self.is_unproven = failure.owner is not Owner.BACKEND
