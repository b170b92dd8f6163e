"""How a backend is spoken to: the interface of a contract, and the contracts there are.

A contract is pure: it makes HTTP calls as data, reads their answers, makes frames to send and recognises frames that
arrive. It owns every name and number of one kind of backend; the rest of the library knows no backend by name.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from hubbub.contracts.base import Contract, Credentials, Dialogue, Identity, Opening, Phase, Upgrade
from hubbub.contracts.calls import Call, HttpRequest, Id, Script, perform
from hubbub.contracts.events import AnyEvent, Delivery, Event, EventKind, Frame
from hubbub.errors import ConfigError
from hubbub.suite import CONF, check_keys, find_file, read_toml

__all__ = [
    "AnyEvent",
    "Call",
    "Contract",
    "Credentials",
    "Delivery",
    "Dialogue",
    "Event",
    "EventKind",
    "Frame",
    "HttpRequest",
    "Id",
    "Identity",
    "Opening",
    "Phase",
    "Script",
    "Upgrade",
    "load_contract",
    "perform",
]


def load_contract(name: str, delivery_type: str = "") -> Contract:
    """The contract `name`: the class that its file in conf/contracts names, with the file's settings.

    `delivery_type`, where it is given, comes instead of the file's. Raises ConfigError for a class that is not there
    and for a key that it does not know.
    """
    folder = CONF / "contracts"
    path = find_file(folder, name) or folder / f"{name}.toml"
    values = read_toml(path)
    contract = _made_by(values.pop("class", ""), path)
    check_keys(values, contract.settings, path)
    contract.settings |= values
    if delivery_type:
        if "delivery_type" not in contract.settings:
            raise ConfigError(f"delivery-type cannot be set: the contract {name!r} has one type of delivery.")
        contract.settings["delivery_type"] = delivery_type
    return contract


def _made_by(wanted: Any, path: Path) -> Contract:
    """A contract of the class that its file names as `package.module:Class`; whatever goes wrong is one sentence."""
    module, _, name = str(wanted).partition(":")
    try:
        contract = getattr(importlib.import_module(module), name)()
    except Exception as error:
        raise ConfigError(
            f'{path.name}: class must name a contract, such as "hubbub.contracts.sanctum:Sanctum", not {wanted!r} '
            f"({type(error).__name__}: {error})."
        ) from error
    if not isinstance(contract, Contract):
        raise ConfigError(f"{path.name}: {wanted!r} is no contract: it must be a class made from Contract.")
    return contract
