"""Hubbub: the load test for chat backends that counts every delivery.

What is listed in `__all__` is for users, kinds of clients, shapes, contracts and locustfiles of one's own, and stays as
it is; docs/extending.md has an example of each. Every other name is private.

Names are imported when they are used: Locust, and with it gevent, only where a kind of client or a locustfile is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hubbub.version import __version__

if TYPE_CHECKING:
    from hubbub.bridge.install import install
    from hubbub.bridge.user import ChatUser
    from hubbub.contracts import (
        Call,
        Contract,
        Credentials,
        Delivery,
        Dialogue,
        Event,
        EventKind,
        Identity,
        Opening,
        Phase,
        Upgrade,
    )
    from hubbub.errors import CallFailed, ConfigError, ContractError, HubbubError, PhaseFailed
    from hubbub.pacing.curve import Curve, join_stages
    from hubbub.report.figures import FIGURES, SERIES
    from hubbub.report.summary import read_summary

_MODULES = {
    "bridge.install": ("install",),
    "bridge.user": ("ChatUser",),
    "contracts": (
        *("Call", "Contract", "Credentials", "Delivery", "Dialogue", "Event"),
        *("EventKind", "Identity", "Opening", "Phase", "Upgrade"),
    ),
    "errors": ("CallFailed", "ConfigError", "ContractError", "HubbubError", "PhaseFailed"),
    "pacing.curve": ("Curve", "join_stages"),
    "report.figures": ("FIGURES", "SERIES"),
    "report.summary": ("read_summary",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "FIGURES",
    "SERIES",
    "Call",
    "CallFailed",
    "ChatUser",
    "ConfigError",
    "Contract",
    "ContractError",
    "Credentials",
    "Curve",
    "Delivery",
    "Dialogue",
    "Event",
    "EventKind",
    "HubbubError",
    "Identity",
    "Opening",
    "Phase",
    "PhaseFailed",
    "Upgrade",
    "__version__",
    "install",
    "join_stages",
    "read_summary",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'hubbub' has no attribute {name!r}")
    return getattr(import_module(f"hubbub.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
